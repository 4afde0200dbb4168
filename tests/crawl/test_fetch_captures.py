import io

import pytest
from crawl.sample_ranges import archives, ranges_of

from curation.crawl.captures import Captures, forget_all, forget_finished
from curation.folder import Folder
from curation.html.archive import read_archive
from curation.manifest import Manifest, Shard

FILES = archives()


def records():
    rows = ranges_of(FILES)
    places = [(row["warc_filename"], row["warc_record_offset"], row["warc_record_length"]) for row in rows]
    return {place: FILES[place[0]][place[1] : place[1] + place[2]] for place in places}


@pytest.fixture
def folder(tmp_path):
    return Folder(str(tmp_path / "fetch"))


def test_what_was_kept_is_read_again(folder):
    some = records()
    with Captures(folder, "00003", segment_bytes=50_000) as captures:
        assert not any(place in captures for place in some)
        for place, body in some.items():
            captures.add(place, body)
    with Captures(folder, "00003") as captures:
        assert {place: captures.read(place) for place in some if place in captures} == some
    with Captures(folder, "00004") as captures:
        assert not any(place in captures for place in some)


def test_segments_are_archives(folder):
    some = records()
    with Captures(folder, "00000", segment_bytes=50_000) as captures:
        for place, body in some.items():
            captures.add(place, body)
    segments = folder.list_files("captures/00000", ".warc.gz")
    assert len(segments) > 3
    found = [one for name in segments for one in read_archive(io.BytesIO(folder.fs.cat_file(folder.path(name))), name)]
    whole = [record for path, body in FILES.items() for record in read_archive(io.BytesIO(body), path)]
    assert [(one.id, one.html) for one in found] == [(one.id, one.html) for one in whole]


def test_a_segment_is_written_when_it_has_waited_long_enough(folder):
    place, body = next(iter(records().items()))
    with Captures(folder, "00000", segment_seconds=0.0) as captures:
        captures.add(place, body)
        assert folder.list_files("captures/00000") == ["captures/00000/00000.json", "captures/00000/00000.warc.gz"]


def test_what_came_before_an_error_is_kept(folder):
    place, body = next(iter(records().items()))
    with pytest.raises(KeyError), Captures(folder, "00000") as captures:
        captures.add(place, body)
        raise KeyError
    with Captures(folder, "00000") as captures:
        assert captures.read(place) == body


def test_a_segment_without_its_list_is_nothing_and_is_written_anew(folder):
    (place, body), (other, more) = list(records().items())[:2]
    with Captures(folder, "00000") as captures:
        captures.add(place, body)
    folder.remove("captures/00000/00000.json")
    with Captures(folder, "00000") as captures:
        assert place not in captures
        captures.add(other, more)
    with Captures(folder, "00000") as captures:
        assert captures.read(other) == more


def test_finished_shards_need_no_captures(folder):
    (place, body) = next(iter(records().items()))
    for shard in ("00000", "00001"):
        with Captures(folder, shard) as captures:
            captures.add(place, body)
    Manifest(folder).finish_shard(Shard(0, (), 0), {"kept": 1})
    forget_finished(folder)
    assert folder.list_files("captures") == ["captures/00001"]
    forget_all(folder)
    assert not folder.exists("captures")
    forget_all(folder)
