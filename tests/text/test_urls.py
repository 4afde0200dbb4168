import io
import string

import numpy as np
import pytest
import tldextract
import xxhash
from datatrove.data import Document
from datatrove.pipeline.filters.url_filter import URLFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.text.urls import LIST_NAMES, UrlRules, UrlVerdict, read_url_lists
from curation.text.urls_kernels import automaton, hash_lines, hash_table, without_repeats

LISTS = {
    "domains": ["blocked.com", "sub.host.co.uk", "xn--bcher-kva.example.org", "co.uk", "b.ck", "10.0.0.1"],
    "urls": ["http://one.org/page", "two.org/page"],
    "banned_words.txt": ["Hard-Word", "# no", "xx", "2 girls", "both"],
    "banned_subwords.txt": ["subword", "bword", "ubw", "a1b", "#no"],
    "soft_banned_words.txt": ["soft", "softer", "both", "#no", "mild"],
}


def opened(lists):
    return lambda name: io.BytesIO("".join(f"{line}\n" for line in lists[name]).encode())


def theirs(lists, threshold=2):
    """datatrove's filter on the same lists, with the suffixes of the installed tldextract."""
    domains, urls, words, subwords, soft = (lists[name] for name in LIST_NAMES)
    step = URLFilter(threshold, domains, urls, words, subwords, soft, use_integrated_lists=False)
    step.tldextractor = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())
    return step


def reason_of(step, url):
    found = step.filter(Document(text="", id="", metadata={"url": url}))
    return None if found is True else found[1]


RULES = UrlRules(read_url_lists(opened(LISTS)))
THEIRS = theirs(LISTS)

hosts = st.sampled_from(
    ["blocked.com", "a.blocked.com", "sub.host.co.uk", "host.co.uk", "co.uk", "one.org", "two.org", "a.b.ck", "www.ck",
     "xn--bcher-kva.example.org", "bücher.example.org", "BLOCKED.com", "10.0.0.1", "[::1]", "localhost", "soft.org",
     "b.ck:80", "me@blocked.com", "me:blocked.com@one.org", "blocked.com.", "", "blocked。com", "a..b.com", "both.net"]
)  # fmt: skip
words = st.sampled_from(
    ["page", "hardword", "HardWord", "xx", "XX", "2girls", "soft", "Soft", "softer", "mild", "both", "SubWord", "sub-w",
     "ord", "a1", "b", "é", "soft", "%20", ""]
) | st.text(string.ascii_letters + string.digits + "äß\ud800 \n\t", max_size=4)  # fmt: skip
urls = st.builds(
    lambda scheme, host, path: scheme + host + "".join(path),
    st.sampled_from(["http://", "https://", "", "//", "HTTPS://", "http:/", "x+y://"]),
    hosts,
    st.lists(st.tuples(st.sampled_from("/-_?=.#& é"), words).map("".join), max_size=6),
)


@settings(max_examples=600, deadline=None)
@given(urls | st.text(min_size=1, max_size=30))
def test_decisions_are_those_of_datatrove(url):
    if url:
        assert RULES.judge(url).reason == reason_of(THEIRS, url)


@pytest.mark.parametrize(
    ("url", "reason", "matched"),
    [
        ("https://www.blocked.com/a", "domain", "blocked.com"),
        ("https://sub.host.co.uk/a", "subdomain", "sub.host.co.uk"),
        ("https://more.sub.host.co.uk/a", None, None),
        ("http://one.org/page", "url", "http://one.org/page"),
        ("https://two.org/page", None, None),
        ("https://a.org/soft/hardword?soft", "hard_blacklisted", "hardword"),
        ("https://a.org/HARDWORD", None, None),
        ("https://a.org/softer/soft/soft", "soft_blacklisted", "softer, soft"),
        ("https://a.org/soft/soft/softy", None, None),
        ("https://a.org/both/soft", "hard_blacklisted", "both"),
        ("https://a.org/SU/b-W_ord", "blacklisted_subword", "subword"),
        ("https://a.org/bwo/RD", "blacklisted_subword", "bword"),
        ("https://a1b.org/", "blacklisted_subword", "a1b"),
        ("https://a.org/a/1/", None, None),
    ],
)
def test_each_list_with_what_was_found_in_it(url, reason, matched):
    assert RULES.judge(url) == UrlVerdict(reason, matched)
    assert reason_of(THEIRS, url) == reason


def test_domains_of_ones_own_and_the_threshold():
    rules = UrlRules(
        read_url_lists(opened(LISTS)),
        soft_word_threshold=3,
        blocked_domains=["mine.org", "only.this.org"],
        allowed_domains=["blocked.com", "good.mine.org"],
    )
    expected = {
        "http://a.mine.org/": "domain",
        "http://good.mine.org/xx": None,
        "http://only.this.org": "subdomain",
        "http://this.org": None,
        "http://www.blocked.com/hardword": None,
        "http://host.org/soft/softer": None,
        "http://host.org/soft/softer/mild": "soft_blacklisted",
    }
    assert {url: rules.judge(url).reason for url in expected} == expected


def test_listed_urls_may_be_compared_without_their_scheme():
    rules = UrlRules(read_url_lists(opened(LISTS)), listed_urls="without_scheme")
    assert [rules.judge(url).reason for url in ("https://two.org/page", "two.org/page", "https://two.org/p")] == [
        "url",
        "url",
        None,
    ]
    assert rules.judge("http://one.org/page").reason is None  # that entry has a scheme


def test_arguments_that_make_no_sense():
    lists = read_url_lists(opened(LISTS))
    with pytest.raises(ValueError, match="soft_word_threshold: expected at least 1, got 0"):
        UrlRules(lists, soft_word_threshold=0)
    with pytest.raises(ValueError, match=r"listed_urls: expected one of .*, got 'some'"):
        UrlRules(lists, listed_urls="some")
    for word in ("", "Word", "a b"):
        with pytest.raises(ValueError, match="expected digits and lowercase letters"):
            automaton([word])


@given(st.lists(st.text("ab#\r é", max_size=5), max_size=30), st.booleans(), st.integers(1, 9))
def test_lines_are_hashed_whatever_the_size_of_what_is_read(lines, ends, chunk):
    data = "\n".join(lines).encode() + (b"\n" if ends else b"")

    class Slow(io.BytesIO):
        def read(self, size):
            return super().read(min(size, chunk))

    kept = {line.strip(b" \r") for line in data.split(b"\n") if not line.startswith(b"#")} - {b""}
    assert hash_lines(Slow(data)).tolist() == sorted(map(xxhash.xxh64_intdigest, kept))


@given(st.lists(st.integers(0, 2**64 - 1), max_size=50))
def test_a_table_has_each_hash_in_its_slot(values):
    hashes = without_repeats(np.array(values, np.uint64))
    kept, bounds = hash_table(hashes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curation.text.urls_kernels._SLOTS_AT_ONCE", 3)
        assert hash_table(hashes)[1].tolist() == bounds.tolist()
    assert kept.tolist() == sorted(set(values))
    for place, value in enumerate(kept.tolist()):
        slot = (value >> 32) * (len(kept) + 1) >> 32
        assert bounds[slot] <= place < bounds[slot + 1]


@given(st.lists(st.text("ab1", min_size=1, max_size=4), max_size=8), st.text("ab1", max_size=30))
def test_an_automaton_finds_what_a_search_for_each_word_finds(banned, text):
    following, ends = automaton(banned)
    state, found = 0, False
    for character in text:
        state = following[state, string.digits.find(character) if character in string.digits else ord(character) - 87]
        found |= bool(ends[state])
    assert found == any(word in text for word in banned)
