"""The bundled sample is what its README says, and its archives are what its pages say."""

import gzip
import importlib.util
import json
import re
from collections import Counter
from difflib import SequenceMatcher
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.encoding import detect_encoding
from resiliparse.parse.html import HTMLTree

SAMPLE = Path(__file__).resolve().parents[2] / "pipelines" / "sample"
README = (SAMPLE / "README.md").read_text(encoding="utf-8")
PAGES = sorted((SAMPLE / "pages").glob("*.html"))
CONTAMINATED = "algebra-notes-ferry-wheels"
NUMBERS_ONLY = ("classroom-percent-a", "classroom-percent-b")
SQUARE = "algebra-notes-completing-the-square"
GROUPS = [
    (
        "algebra-notes-completing-the-square",
        "algebra-notes-completing-the-square-print",
        "mirror-completing-the-square",
    ),
    ("classroom-pythagoras", "mirror-pythagoras"),
    ("statsroom-bayes", "mirror-bayes"),
]


def load_pack():
    spec = importlib.util.spec_from_file_location("sample_pack", SAMPLE / "pack.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


pack = load_pack()


def fields(path):
    return dict(pack.FIELD.findall(pack.HEADER.match(path.read_bytes())[1].decode("ascii")))


def text_of(name):
    body = pack.read_page(SAMPLE / "pages" / f"{name}.html").body
    tree = HTMLTree.parse_from_bytes(body, detect_encoding(body))
    return extract_plain_text(tree, main_content=True, alt_texts=False)


def shingles(text):
    words = text.split()
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


def shared(a, b):
    return len(shingles(a) & shingles(b)) / len(shingles(a) | shingles(b))


def replies(points):
    lines = (SAMPLE / f"replies-{points}pt.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def label_of(reply, high):
    found = re.search(r"\nFinal score: (\d+)$", reply)
    if not found:
        return "unreadable"
    return found[1] if int(found[1]) <= high else "out of scale"


def table(heading):
    """{first cell: the other cells} of the table below a heading of the README."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0]: row[1:] for row in rows[2:]}


def counts(heading, column=0):
    found = {key: int(cells[column]) for key, cells in table(heading).items()}
    return {key: number for key, number in found.items() if number}


# -- archives ---------------------------------------------------------------------------------------------------------


def test_archives_are_up_to_date(tmp_path):
    packed = pack.pack(SAMPLE / "pages", tmp_path)
    assert [path.name for path in packed] == sorted(path.name for path in SAMPLE.glob("*.warc.gz"))
    for path in packed:  # unpacked: the compressed bytes are those of one zlib, the records those of every zlib
        assert gzip.decompress(path.read_bytes()) == gzip.decompress((SAMPLE / path.name).read_bytes()), path.name


def test_packing_twice_gives_the_same_bytes(tmp_path):
    first, second = pack.pack(SAMPLE / "pages", tmp_path / "a"), pack.pack(SAMPLE / "pages", tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_archives_hold_every_page_and_three_other_responses():
    found = []
    for path in sorted(SAMPLE.glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                found.append((record.headers["WARC-Target-URI"], record.http_headers.status_code))
    ours = Counter(fields(path)["url"] for path in PAGES)
    assert not ours - Counter(url for url, _ in found)
    assert len(found) == len(PAGES) + 3
    assert [status for _, status in found].count(404) == 1


def test_a_page_without_header_is_refused(tmp_path):
    (tmp_path / "bare.html").write_text("<html></html>", encoding="utf-8")
    with pytest.raises(ValueError, match=r"bare\.html"):
        pack.pack(tmp_path, tmp_path)


# -- pages ------------------------------------------------------------------------------------------------------------


def test_every_page_has_words():
    assert [path.stem for path in PAGES if len(text_of(path.stem).split()) < 40] == []


def test_urls_are_of_reserved_hosts_and_unique():
    urls = [fields(path)["url"] for path in PAGES]
    assert len(set(urls)) == len(urls)
    assert [url for url in urls if not re.match(r"https://[a-z0-9.-]+\.example/", url)] == []


def test_the_pages_stay_small():
    assert sum(path.stat().st_size for path in PAGES) < 1_000_000


# -- README -----------------------------------------------------------------------------------------------------------


def test_counts_of_pages():
    assert f"{len(PAGES)} pages" in README
    assert counts("Pages by kind") == Counter(fields(path)["kind"] for path in PAGES)
    assert counts("Pages by language") == Counter(fields(path)["language"] for path in PAGES)


def test_counts_of_domains():
    hosts = [fields(path)["url"].split("/")[2].split(".") for path in PAGES]
    assert counts("Pages by registered domain") == Counter(".".join(host[-2:]) for host in hosts)


def test_counts_of_labels():
    for column, points in enumerate((3, 5)):
        labels = Counter(label_of(line["reply"], points) for line in replies(points))
        labels["no reply"] = len(PAGES) - labels.total()
        assert counts("Labels", column) == labels


def test_groups_are_named():
    for name in [CONTAMINATED, *NUMBERS_ONLY, *sum(GROUPS, ())]:
        assert f"`{name}`" in README


# -- replies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("points", [3, 5])
def test_replies_belong_to_pages(points):
    urls = [line["url"] for line in replies(points)]
    assert len(set(urls)) == len(urls)
    assert set(urls) <= {fields(path)["url"] for path in PAGES}
    assert [line["url"] for line in replies(points) if len(line["reply"].rsplit("\n", 1)[0].split()) > 100] == []


@pytest.mark.parametrize("points", [3, 5])
def test_near_duplicates_have_one_label(points):
    labels = {line["url"]: label_of(line["reply"], points) for line in replies(points)}
    for group in GROUPS:
        assert len({labels[fields(SAMPLE / "pages" / f"{name}.html")["url"]] for name in group}) == 1


# -- duplicates and contamination -------------------------------------------------------------------------------------


@pytest.mark.parametrize("group", GROUPS)
def test_near_duplicates_share_their_shingles(group):
    first, *others = map(text_of, group)
    assert min(shared(first, other) for other in others) > 0.95


def test_numbers_only_pair_is_no_duplicate():
    a, b = map(text_of, NUMBERS_ONLY)
    assert shared(a, b) < 0.1
    assert shared(*(re.sub(r"\d+(\.\d+)?", "0", text) for text in (a, b))) > 0.7


def test_no_other_pages_are_near_duplicates():
    texts = {path.stem: shingles(text_of(path.stem)) for path in PAGES}
    together = {frozenset((a, b)) for group in GROUPS for a in group for b in group}
    names = sorted(texts)
    close = [
        (a, b)
        for place, a in enumerate(names)
        for b in names[place + 1 :]
        if frozenset((a, b)) not in together and len(texts[a] & texts[b]) > 0.5 * len(texts[a] | texts[b])
    ]
    assert close == []


def test_one_page_quotes_the_benchmark():
    items = [json.loads(line) for line in (SAMPLE / "benchmark.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(items) == 8
    questions = [re.findall(r"\w+", item["question"].lower()) for item in items]
    grams = {tuple(words[start : start + 13]) for words in questions for start in range(len(words) - 12)}
    hit = {}
    for path in PAGES:
        words = re.findall(r"\w+", text_of(path.stem).lower())
        if any(tuple(words[start : start + 13]) in grams for start in range(len(words))):
            hit[path.stem] = words
    assert list(hit) == [CONTAMINATED]
    blocks = SequenceMatcher(None, questions[0], hit[CONTAMINATED], autojunk=False).get_matching_blocks()
    assert sum(block.size for block in blocks) / len(questions[0]) >= 0.6
