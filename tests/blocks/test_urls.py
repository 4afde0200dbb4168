import functools
import gzip
import importlib.resources
import json
import tarfile
from itertools import islice, pairwise

import pytest
import tldextract
from datatrove.data import Document
from datatrove.pipeline.filters.url_filter import URLFilter

from curation import ConfigError
from curation.blocks import urls
from curation.blocks.urls import KeepUrl
from curation.html.archive import read_archive
from curation.text.urls import LIST_NAMES

from .conftest import Kept, document, shared, write_parquet

LISTS = {
    "domains": "blocked.com\n# a comment\nsub.host.org\n",
    "urls": "http://one.org/page\n",
    "banned_words.txt": "hardword\n",
    "banned_subwords.txt": "subword\n",
    "soft_banned_words.txt": "soft\nsofter\n",
}
URLS = {
    "http://www.blocked.com/": ("domain", "blocked.com"),
    "http://sub.host.org/a": ("subdomain", "sub.host.org"),
    "http://one.org/page": ("url", "http://one.org/page"),
    "http://a.org/hardword": ("hard_blacklisted", "hardword"),
    "http://a.org/soft/softer": ("soft_blacklisted", "soft, softer"),
    "http://a.org/sub-word": ("blacklisted_subword", "subword"),
    "": ("no_url", None),
    None: ("no_url", None),
    "http://a.org/": None,
}


@pytest.fixture
def lists(tmp_path):
    folder = tmp_path / "lists"
    folder.mkdir()
    for name, content in LISTS.items():
        (folder / name).write_text(content)
    return folder


def pages(given):
    return [document("text", str(number), url=url) for number, url in enumerate(given)]


@pytest.fixture(scope="module")
def theirs():
    """datatrove's filter on its own lists, with as many of the domains as any page here could have."""
    assets = importlib.resources.files("datatrove") / "assets"
    with tarfile.open(assets / "url_filterblacklistsv0_3_0.tar.gz") as archive:
        domains = archive.extractfile("domains").read().decode().split("\n")
        listed = archive.extractfile("urls").read().decode().split("\n")
    extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
    words = [(assets / name).read_text().splitlines() for name in LIST_NAMES[2:]]
    found = [extract(url) for url in real_urls()]
    wanted = (
        {one.fqdn for one in found} | {one.top_domain_under_public_suffix for one in found} | set(domains[::90_000])
    )
    step = URLFilter(2, wanted & set(domains), listed, *words, use_integrated_lists=False)
    step.tldextractor = extract
    step.samples = domains[::90_000], listed[::4000], words
    return step


@functools.cache
def real_urls():
    with gzip.open(shared("texts/web_texts.jsonl.gz"), "rt") as lines:
        found = [json.loads(line)["url"] for line in islice(lines, 5000)]
    with gzip.open(shared("web/pages/index.jsonl.gz"), "rt") as lines:
        found += [json.loads(line)["url"] for line in lines]
    with gzip.open(shared("math/gold.jsonl.gz"), "rt") as lines:
        found += [json.loads(line)["url"] for line in islice(lines, 300)]
    with shared("web/archives/archivesunleashed_aut__example.warc.gz").open("rb") as stream:
        found += [page.url for page in read_archive(stream, "") if page.url]
    return found


def made_urls(theirs):
    """URLs that hit each list of datatrove's."""
    domains, listed, (words, subwords, soft) = theirs.samples
    for domain in domains:
        yield from (f"https://{domain}/page", f"http://www.{domain}", f"http://{domain}.org/", f"https://a{domain}")
    for url in listed:
        yield from (url, f"https://{url}", url + "/")
    for word, other in zip(words, reversed(words), strict=True):
        yield from (f"https://example.org/{word.replace(' ', '')}", f"https://example.org/{word}/{other}-{word}.html")
    for word in subwords:
        yield from (f"https://example.org/a{word.replace(' ', '-')}b", f"https://{word.upper()}.net")
    for word, other in pairwise(soft):
        yield from (f"https://example.org/{word}", f"http://example.org/{word}_{other}", f"http://a.org/{word}/{word}")


def test_decisions_on_real_and_made_urls_are_those_of_datatrove(theirs):
    given = [*real_urls(), *made_urls(theirs)]
    step = KeepUrl()
    step.check()
    step.exclusion_writer = Kept()
    kept = [doc.metadata["url"] for doc in step.run(iter(pages(given)))]
    expected = [theirs.filter(Document(text="", id="", metadata={"url": url})) for url in given]
    told = {row["id"]: row["filter_reason"] for row in step.exclusion_writer.rows}
    assert told == {str(number): one[1] for number, one in enumerate(expected) if one is not True}
    assert kept == [url for url, one in zip(given, expected, strict=True) if one is True]
    assert {*told.values()} == {*(reason for reason, _ in filter(None, URLS.values()))} - {"no_url"}
    assert len(given) > 6000 and 0 < sum(int(number) < len(real_urls()) for number in told) < 100


def test_lists_of_ones_own_and_what_was_found_in_them(lists, tmp_path, stage):
    rows = [{"id": str(number), "text": "text", "url": url} for number, url in enumerate(URLS)]
    kept = stage.run([write_parquet(tmp_path / "in.parquet", rows)], KeepUrl(lists=str(lists)))
    assert [row["url"] for row in kept] == ["http://a.org/"]
    told = {row["url"]: (row["reason"], row["matched"]) for row in stage.rows()}
    assert told == {url: found for url, found in URLS.items() if found}


def test_further_and_allowed_domains_of_the_settings_and_of_files(lists, tmp_path):
    (tmp_path / "more.txt").write_text("# mine\nMine.org\n\n")
    step = KeepUrl(
        lists=str(lists), blocked_domains=(str(tmp_path / "more.txt"), "no.net"), allowed_domains=("blocked.com",)
    )
    given = ["http://a.mine.org", "http://no.net", "http://www.blocked.com/hardword", "http://sub.host.org"]
    assert [doc.metadata["url"] for doc in step.run(iter(pages(given)))] == [given[2]]
    assert step.inputs() == [str(lists), str(tmp_path / "more.txt")]


def test_changed_lists_are_read_again(lists):
    step = KeepUrl(lists=str(lists))
    assert len(list(step.run(iter(pages(["http://new.org"]))))) == 1
    (lists / "domains").write_text("new.org\n")
    assert len(list(step.run(iter(pages(["http://new.org"]))))) == 0


def test_the_content_of_datatroves_lists_is_part_of_the_identity(lists):
    assert len(KeepUrl().identity()["datatrove_lists"]) == 32
    assert "datatrove_lists" not in KeepUrl(lists=str(lists)).identity()
    assert KeepUrl().inputs() == []


def test_what_cannot_work_is_told_before_any_work(lists, tmp_path, monkeypatch):
    for values, words in {
        ("lists", str(tmp_path / "nowhere")): "has no domains, urls, banned_words.txt",
        ("soft_word_threshold", 0): "soft_word_threshold: expected at least 1, got 0",
        ("listed_urls", "some"): "listed_urls: expected one of",
        ("blocked_domains", (str(tmp_path / "nowhere"),)): "nowhere: no input found",
    }.items():
        with pytest.raises(ConfigError, match=words):
            KeepUrl(**dict([values])).check()
    (lists / "urls").unlink()
    with pytest.raises(ConfigError, match="has no urls; an empty file stands for no entries"):
        KeepUrl(lists=str(lists)).check()
    with pytest.raises(ConfigError, match=r"no column 'url'.*'uri'"):
        KeepUrl().schema({"id": None, "text": None, "uri": None})
    monkeypatch.setattr(urls, "_ARCHIVE", "gone.tar.gz")
    with pytest.raises(ConfigError, match=r"comes without gone\.tar\.gz: name a folder of lists"):
        KeepUrl().check()
