"""The bundled web and topic samples are what their READMEs say, and the archives are what the pages say."""

import gzip
import importlib.util
import io
import itertools
import json
import re
import sys
from collections import Counter
from pathlib import Path

import pytest
import yaml
from fastwarc.warc import ArchiveIterator, WarcRecordType

from curation.annotation.prompt import load_prompt
from curation.annotation.reply import read_reply
from curation.content import content_root
from curation.crawl.ranges import crawl_of
from curation.errors import UnreadableReply
from curation.html.archive import read_archive
from curation.html.extract import extract_page
from curation.text.personal import find_personal
from curation.text.quality import quality_rules
from curation.text.urls import UrlRules, read_url_lists

SAMPLE = content_root() / "pipelines" / "sample"
WEB, TOPIC = SAMPLE / "web", SAMPLE / "topic"
README = (WEB / "README.md").read_text(encoding="utf-8")
PHYSICS_SITE = "physicsbench.example"
CONTAMINATED = "https://lessons.northwood-school.example/maths/tanks-and-pumps"
UNANSWERED = ("aria-stands-back", "packing-light", "gartenstuhl")
WITH_ADDRESSES = {
    "https://lessons.northwood-school.example/physics/trip-to-the-power-station": ["email"],
    "https://physicsbench.example/about": ["email"],
    "https://jobs-board.example/listing/warehouse-night-shift": ["email"],
    "https://oldroads.example/blog/contact-and-thanks": ["email", "email", "ip"],
}


def load_module(name, path):
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass looks its module up
    spec.loader.exec_module(module)
    del sys.modules[name]
    return module


pack = load_module("sample_pack_web", WEB / "pack_web.py")
PAGES = pack.read_pages()
ARCHIVES = sorted(WEB.glob("*/*.warc.gz"))


@pytest.fixture(scope="module")
def texts():
    """(crawl, url) -> the text that our extractor gives."""
    found = {}
    for path in ARCHIVES:
        with path.open("rb") as stream:
            for record in read_archive(stream, path.name, Counter()):
                found[crawl_of(path.as_posix()), record.url] = extract_page(record.html).text
    return found


def labels(folder, prompt="fineweb_edu_5pt"):
    found = {}
    for line in (folder / "replies.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        assert row["url"] not in found
        try:
            found[row["url"]] = str(read_reply(row["reply"], load_prompt(prompt)))
        except UnreadableReply as error:
            found[row["url"]] = "out of scale" if "outside the scale" in str(error) else "unreadable"
    return found


def table(readme, heading):
    """{first cell: second cell} of the table below a heading of a README."""
    section = readme.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0]: row[1] for row in rows[2:]}


def counts(readme, heading):
    return {key: int(cell) for key, cell in table(readme, heading).items() if cell != "0"}


def shingles(text):
    words = text.split()
    return {tuple(words[start : start + 5]) for start in range(len(words) - 4)}


# -- archives ---------------------------------------------------------------------------------------------------------


def test_archives_are_up_to_date(tmp_path):
    packed = pack.pack(WEB, tmp_path)
    assert [path.relative_to(tmp_path) for path in packed] == [path.relative_to(WEB) for path in ARCHIVES]
    for path in packed:  # unpacked: the compressed bytes are those of one zlib
        committed = WEB / path.relative_to(tmp_path)
        assert gzip.decompress(path.read_bytes()) == gzip.decompress(committed.read_bytes()), path.name


def test_packing_twice_gives_the_same_bytes(tmp_path):
    first, second = pack.pack(WEB, tmp_path / "a"), pack.pack(WEB, tmp_path / "b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_archives_hold_every_page_under_an_id_of_its_own():
    ids, places = [], []
    for path in ARCHIVES:
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response):
                ids.append(record.headers["WARC-Record-ID"])
                places.append((crawl_of(path.as_posix())[-2:], record.headers["WARC-Target-URI"]))
    assert len(set(ids)) == len(ids)
    assert sorted(places) == sorted((crawl, page.url) for page in PAGES for crawl in page.crawls)


def test_all_of_it_is_small():
    assert sum(path.stat().st_size for path in ARCHIVES) < 400_000
    folders = [SAMPLE / "code", WEB, TOPIC]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 1_500_000


@pytest.mark.parametrize(
    "entry",
    [
        {"url": "https://nowhere.example/a", "title": "A", "kind": "lesson", "body": "B"},
        {"url": "https://bio-notes.example/a", "title": "A", "kind": "lesson"},
        {"url": "https://bio-notes.example/a", "title": "A", "kind": "lesson", "like": "https://bio-notes.example/b"},
        {"url": "https://bio-notes.example/a", "title": "A", "kind": "lesson", "body": "B", "colour": "red"},
    ],
)
def test_a_page_that_is_wrong_is_refused(tmp_path, entry):
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "1.yaml").write_text(yaml.safe_dump([entry]), encoding="utf-8")
    (tmp_path / "sites.yaml").write_bytes((WEB / "sites.yaml").read_bytes())
    with pytest.raises(ValueError, match=re.escape(entry["url"])):
        pack.read_pages(tmp_path)


def test_mark_up():
    text = "A *b* & **c**\nd.\n\n## E\n\n- f\n- g\n\n| h | i |\n| j | k |\n"
    assert pack.text_html(text).splitlines() == [
        "<p>A <em>b</em> &amp; <strong>c</strong> d.</p>",
        "<h2>E</h2>",
        "<ul>",
        "<li>f</li>",
        "<li>g</li>",
        "</ul>",
        "<table>",
        "<tr><td>h</td><td>i</td></tr>",
        "<tr><td>j</td><td>k</td></tr>",
        "</table>",
    ]


# -- pages ------------------------------------------------------------------------------------------------------------


def test_urls_are_of_reserved_hosts_and_unique():
    urls = [page.url for page in PAGES]
    assert len(set(urls)) == len(urls)
    assert [url for url in urls if not re.match(r"https://[a-z0-9.-]+\.example/", url)] == []


def test_every_template_and_site_is_used():
    sites = pack.read_sites()
    assert {page.host for page in PAGES} == set(sites)
    templates = {path.stem for path in (WEB / "templates").iterdir()}
    assert {site["template"] for site in sites.values()} == templates


def test_exactly_the_planted_pages_fail_the_rules_of_fineweb(texts):
    rules = quality_rules("en")
    english = [page for page in PAGES if page.language == "en"]
    found = {
        page.url: {rules.judge(texts[f"CC-MAIN-2024-{crawl}", page.url]).reason for crawl in page.crawls}
        for page in english
    }
    assert found == {page.url: {page.why or None} for page in english}
    said = {
        url.strip("`"): reason.strip("`") for url, reason in table(README, "What the rules of FineWeb drop").items()
    }
    assert said == {page.url.removeprefix("https://"): page.why for page in english if page.why}


def test_one_page_is_latin_1(texts):
    (page,) = [page for page in PAGES if page.charset != "utf-8"]
    assert "drückt, spürt" in texts["CC-MAIN-2024-10", page.url]
    assert f"`{page.url.removeprefix('https://')}` really is {page.charset}" in README


# -- README -----------------------------------------------------------------------------------------------------------


def test_counts_of_pages():
    topic = labels(TOPIC, "finemath_5pt")
    physics = [page for page in PAGES if topic.get(page.url, "0") != "0" or page.host == PHYSICS_SITE]
    words = " ".join(README.split())
    assert f"{len(PAGES)} pages of {len({page.host for page in PAGES})} hosts" in words
    assert f"{len(physics)} pages touch physics" in words
    assert counts(README, "Pages by kind") == Counter(page.kind for page in PAGES)
    assert counts(README, "Pages by language") == Counter(page.language for page in PAGES)
    crawls = Counter("both" if len(page.crawls) > 1 else f"only CC-MAIN-2024-{page.crawls[0]}" for page in PAGES)
    assert counts(README, "Pages by crawl") == crawls


def test_counts_of_labels():
    found = labels(WEB)
    assert f"few.** {len(found)} replies" in README
    assert counts(README, "Labels") == Counter(found.values()) + Counter({"no reply": len(PAGES) - len(found)})


def test_counts_of_the_topic():
    readme, found = (TOPIC / "README.md").read_text(encoding="utf-8"), labels(TOPIC, "finemath_5pt")
    web = {page.url for page in PAGES} & found.keys()
    assert f"{len(found)} replies, {len(web)} on pages of the web sample and {len(found) - len(web)} on" in readme
    assert counts(readme, "Labels") == Counter(found.values())


# -- replies ----------------------------------------------------------------------------------------------------------


def test_replies_belong_to_pages():
    found = labels(WEB)
    assert found.keys() <= {page.url for page in PAGES}
    silent = {page.url for page in PAGES if page.kind != "broken"} - found.keys()
    assert sorted(name for name in UNANSWERED for url in silent if name in url) == sorted(UNANSWERED)
    assert len(silent) == len(UNANSWERED)
    bad = {label: url for url, label in found.items() if not label.isdigit()}
    assert bad["unreadable"].endswith("northport/two-rooms")
    assert bad["out of scale"].endswith("you-are-visitor-one-million")


def test_replies_of_the_topic_belong_to_pages_of_either_sample():
    math = load_module("sample_pack", SAMPLE / "pack.py")
    pages = {math.read_page(path).url for path in (SAMPLE / "pages").glob("*.html")} | {page.url for page in PAGES}
    found = labels(TOPIC, "finemath_5pt")
    assert found.keys() <= pages
    assert [url for url, label in found.items() if not label.isdigit()] == [
        "https://docs.numlark.example/2.4/classnumlark_1_1Polynomial.html"
    ]


def test_physics_is_there_at_every_label_on_several_hosts():
    found = labels(TOPIC, "finemath_5pt")
    hosts = {label: {url.split("/")[2] for url in found if found[url] == label} for label in "012345"}
    assert all(len(those) >= 3 for those in hosts.values())


def test_justifications_are_short():
    for folder in (WEB, TOPIC):
        lines = (folder / "replies.jsonl").read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if len(json.loads(line)["reply"].split()) > 103] == []


# -- duplicates, contamination, addresses -----------------------------------------------------------------------------


def test_exactly_the_named_pairs_are_near_duplicates(texts):
    section = README.split("## Duplicates\n", 1)[1].split("\n## ", 1)[0]
    said = {
        frozenset(f"https://{url}" for url in re.findall(r"`(\S+\.example/\S+)`", line))
        for line in section.splitlines()
    }
    first = {url: shingles(text) for (crawl, url), text in texts.items() if crawl.endswith("10")}
    second = {url: shingles(text) for (crawl, url), text in texts.items() if crawl.endswith("18")}
    found = set()
    for crawl in (first, second):
        for (url, one), (other_url, other) in itertools.combinations(crawl.items(), 2):
            if len(one & other) > 0.5 * len(one | other):
                found.add(frozenset((url, other_url)))
    assert found == said - {frozenset()}
    read = labels(WEB)
    assert all(len({read[url] for url in pair}) == 1 for pair in found)
    both = first.keys() & second.keys()
    assert len(both) == sum(len(page.crawls) == 2 for page in PAGES)
    assert all(len(first[url] & second[url]) > 0.9 * len(first[url] | second[url]) for url in both)


def test_one_page_quotes_the_benchmark(texts):
    items = [json.loads(line) for line in (SAMPLE / "benchmark.jsonl").read_text(encoding="utf-8").splitlines()]
    hits = {(item["id"], url) for item in items for (_, url), text in texts.items() if item["question"] in text}
    assert hits == {("sample_bench/4", CONTAMINATED)}
    assert labels(WEB)[CONTAMINATED] == "4"


def test_addresses_stand_where_the_readme_says(texts):
    found = {url: [span.kind for span in find_personal(text)] for (_, url), text in texts.items()}
    assert {url: sorted(kinds) for url, kinds in found.items() if kinds} == WITH_ADDRESSES
    assert all(url.rsplit("/", 1)[-1] in README for url in WITH_ADDRESSES)


def test_only_two_urls_hold_words_of_the_lists():
    assets = Path(importlib.util.find_spec("datatrove").submodule_search_locations[0]) / "assets"

    def open_list(name):  # without the millions of domains, which are slow to read and hold no .example
        return (assets / name).open("rb") if name.endswith(".txt") else io.BytesIO()

    rules = UrlRules(read_url_lists(open_list))
    found = {page.url.split("/", 3)[3]: rules.judge(page.url).reason for page in PAGES}
    assert {url: reason for url, reason in found.items() if reason} == {
        "buy-viagra-online-today": "hard_blacklisted",
        "lingerie/webcam-bundle-offers": "soft_blacklisted",
    }
    assert all(f"`{url}` is `{reason}`" in " ".join(README.split()) for url, reason in found.items() if reason)
