import gzip

import pytest

from curation import ConfigError
from curation.folder import Folder, list_inputs
from curation.path_lists import listed_paths

NAMES = "crawl-data/CC-MAIN-2024-10/segments/1/warc/a.warc.gz\ncrawl-data/CC-MAIN-2024-10/segments/1/warc/b.warc.gz\n"


def test_paths_are_relative_to_the_place_that_the_list_lies_on():
    memory = Folder("memory://bucket/crawl-data/CC-MAIN-2024-10")
    memory.write_bytes("warc.paths.gz", gzip.compress(NAMES.encode()))
    found = listed_paths("memory://bucket/crawl-data/CC-MAIN-2024-10/warc.paths.gz")
    assert found == [f"memory://bucket/{name}" for name in NAMES.split()]


def test_a_list_of_ones_own_is_relative_to_its_folder(tmp_path):
    (tmp_path / "mine.paths").write_text("b.warc.gz\n\n/elsewhere/a.warc.gz\ns3://x/y.warc.gz\n")
    expected = [f"{tmp_path}/b.warc.gz", "/elsewhere/a.warc.gz", "s3://x/y.warc.gz"]
    assert listed_paths(f"{tmp_path}/mine.paths") == expected
    listed = list_inputs(f"{tmp_path}/mine.paths", (".warc.gz",))
    assert [(one.path, one.size) for one in listed] == [(path, 0) for path in sorted(expected)]


@pytest.mark.parametrize(("content", "message"), [(b"", "names no file"), (b"\xff\xfe", "one path a line")])
def test_what_is_no_list_is_named(tmp_path, content, message):
    (tmp_path / "x.paths").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        list_inputs(f"{tmp_path}/x.paths", (".warc.gz",))


def test_a_broken_list_is_named(tmp_path):
    (tmp_path / "x.paths.gz").write_bytes(gzip.compress(NAMES.encode())[:40])
    with pytest.raises(ConfigError, match=r"x\.paths\.gz"):
        list_inputs(f"{tmp_path}/x.paths.gz", (".warc.gz",))
