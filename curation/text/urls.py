"""Which URLs FineWeb does not take: listed domains, hosts and URLs, and words of adult pages.

Example::

    lists = read_url_lists(lambda name: open(f"lists/{name}", "rb"))
    UrlRules(lists).judge("https://www.example.org/hot-nude-escort").reason   # "soft_blacklisted"

Decisions, their order and their names are those of datatrove's ``URLFilter``, given the same lists and the same Public
Suffix List: here that of the installed tldextract, of which nothing is fetched (see `curation.text.domains`).

    domain                the registered domain is listed
    subdomain             the whole host is
    url                   the whole URL is
    hard_blacklisted      one of the URL's words (runs of ASCII letters and digits) is banned, in the same case
    soft_blacklisted      so many different words of it are soft words
    blacklisted_subword   its letters and digits, in lowercase and without all else, hold a banned run anywhere
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import BinaryIO, Literal, get_args

import numpy as np
import tldextract
import xxhash
from numpy.typing import NDArray

from curation.text.hashing import Hashes
from curation.text.urls_kernels import (
    HARD,
    IS_HARD,
    IS_SOFT,
    PASSES,
    SOFT,
    SUBWORD,
    Automaton,
    Table,
    automaton,
    hash_lines,
    hash_table,
    look,
    without_repeats,
)

LIST_NAMES = ("domains", "urls", "banned_words.txt", "banned_subwords.txt", "soft_banned_words.txt")
"""The files of a folder of lists, one entry a line, as datatrove names them."""
URL_REASONS = ("domain", "subdomain", "url", "hard_blacklisted", "soft_blacklisted", "blacklisted_subword")

ListedUrls = Literal["exact", "without_scheme"]

_OTHER = re.compile(r"[^a-zA-Z0-9]+")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")


@dataclass(frozen=True, slots=True)
class UrlVerdict:
    """Why a URL is dropped, None if it is not, and what of it was found in a list."""

    reason: str | None
    matched: str | None = None


_PASSED = UrlVerdict(None)


@dataclass(frozen=True, slots=True, eq=False)
class UrlLists:
    """Lists of URLs and words.

    Attributes:
        domains: hashes (XXH64 of UTF-8) of registered domains and of hosts, ascending.
        urls: hashes of whole URLs, ascending.
        words: banned words.
        subwords: banned runs of lowercase letters and digits.
        soft_words: words that are banned where several meet.
    """

    domains: Hashes
    urls: Hashes
    words: frozenset[str]
    subwords: frozenset[str]
    soft_words: frozenset[str]


def read_url_lists(open_list: Callable[[str], BinaryIO]) -> UrlLists:
    """Lists from files; of words, as in datatrove, only ASCII letters and digits count, in lowercase.

    Args:
        open_list: gives the file of a name of `LIST_NAMES`.
    """
    found: dict[str, Hashes | frozenset[str]] = {}
    for name in LIST_NAMES:
        with open_list(name) as stream:
            found[name] = _words(stream) if name.endswith(".txt") else hash_lines(stream)
    return UrlLists(*found.values())  # type: ignore[arg-type]


class UrlRules:
    """The rules of FineWeb on some lists.

    Args:
        lists: what is banned.
        soft_word_threshold: so many different soft words in a URL drop it.
        blocked_domains: further registered domains and hosts.
        allowed_domains: registered domains and hosts whose pages stay whatever else is found in their URLs.
        listed_urls: ``exact`` compares a URL as it is, as published. The published list has no schemes, so that it then
            drops nothing that a crawl has; ``without_scheme`` compares what comes after ``https://``.

    Raises:
        ValueError: for a threshold below 1, or another way to compare URLs.
    """

    def __init__(
        self,
        lists: UrlLists,
        *,
        soft_word_threshold: int = 2,
        blocked_domains: Iterable[str] = (),
        allowed_domains: Iterable[str] = (),
        listed_urls: ListedUrls = "exact",
    ) -> None:
        if soft_word_threshold < 1:
            raise ValueError(f"soft_word_threshold: expected at least 1, got {soft_word_threshold}")
        if listed_urls not in get_args(ListedUrls):
            raise ValueError(f"listed_urls: expected one of {get_args(ListedUrls)}, got {listed_urls!r}")
        self._lists = lists
        self._with_scheme = listed_urls == "exact"
        self._allowed = frozenset(allowed_domains)
        self._extract = tldextract.TLDExtract(cache_dir=None, suffix_list_urls=()).extract_str
        more = np.array([_hash(one) for one in blocked_domains], np.uint64)
        words, kinds = _kinds(lists.words, lists.soft_words)
        seen = np.zeros(soft_word_threshold, np.uint64)
        domains = without_repeats(np.concatenate([lists.domains, more])) if len(more) else lists.domains
        tables: tuple[Table | Automaton, ...] = (hash_table(domains), hash_table(lists.urls), hash_table(words))
        banned = automaton(sorted(lists.subwords))
        self._tables = (*(array for table in tables for array in table), kinds, *banned, seen)

    def judge(self, url: str) -> UrlVerdict:
        """Whether ``url`` is dropped, and for what."""
        parts = self._extract(url)
        domain = f"{parts.domain}.{parts.suffix}" if parts.domain and parts.suffix else ""
        host = f"{parts.subdomain}.{domain}" if parts.subdomain and domain else domain
        if self._allowed and (domain in self._allowed or host in self._allowed):
            return _PASSED
        encoded = url.encode("utf-8", "surrogatepass")
        hashed = _hash(domain) if domain else 0
        host_hash = hashed if host == domain else _hash(host)
        whole = xxhash.xxh64_intdigest(encoded) if self._with_scheme else _hash(_SCHEME.sub("", url, count=1))
        data = np.frombuffer(encoded, np.uint8)
        found = look(data, np.uint64(hashed), np.uint64(host_hash), np.uint64(whole), *self._tables)
        if found == PASSES:
            return _PASSED
        return UrlVerdict(URL_REASONS[found - 1], self._matched(found, url, domain, host))

    def _matched(self, found: int, url: str, domain: str, host: str) -> str:
        if found < HARD:
            return (domain, host, url)[found - 1]
        if found == SUBWORD:
            plain = _OTHER.sub("", url).lower()
            return min((plain.find(one), -len(one), one) for one in self._lists.subwords if one in plain)[-1]
        words = dict.fromkeys(_OTHER.split(url))
        if found == SOFT:
            return ", ".join(word for word in words if word in self._lists.soft_words)
        return next(word for word in words if word in self._lists.words)


def _hash(text: str) -> int:
    return xxhash.xxh64_intdigest(text.encode("utf-8", "surrogatepass"))


def _words(stream: BinaryIO) -> frozenset[str]:
    lines = stream.read().decode().splitlines()
    return frozenset(_OTHER.sub("", line).lower() for line in lines if not line.startswith("#")) - {""}


def _kinds(hard: frozenset[str], soft: frozenset[str]) -> tuple[Hashes, NDArray[np.uint8]]:
    """The hashes of all words, ascending, and of each whether it is hard, soft or both."""
    hashed = sorted((_hash(word), word) for word in hard | soft)
    kinds = [(IS_HARD if word in hard else 0) | (IS_SOFT if word in soft else 0) for _, word in hashed]
    return np.array([one for one, _ in hashed], np.uint64), np.array(kinds, np.uint8)
