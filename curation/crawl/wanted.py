"""What is asked of an index: domains and URLs, dumps, languages, types.

Example: ``Wanted(domains=("example.org",), crawls=("CC-MAIN-2024-10",), languages=("eng",))``
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa

from curation.crawl.surt import KeyStretches
from curation.crawl.url_lists import UrlList
from curation.html.payload import HTML_TYPES

_ADDRESS = re.compile(r"[\d.]+|[\da-f:.]*:[\da-f:.]*")


@dataclass(frozen=True, kw_only=True, eq=False)
class Wanted:
    """What is asked for.

    Args:
        domains: registered domains of which all pages are wanted; None to ask for no domain.
        urls: pages that are wanted wherever they are. With neither domains nor URLs every page is.
        crawls: dumps such as ``CC-MAIN-2024-10``; none for all.
        languages: codes of ISO 639-3; a row stays if its ``content_languages`` (up to three, the main one first) have
            one of them, or where nothing is known. None for all.
        mime_types: of which the detected type is one, or else the declared.
        subsets: of an index that is parted by them.
    """

    domains: Sequence[str] | None = None
    urls: UrlList | None = None
    crawls: Sequence[str] = ()
    languages: Sequence[str] = ()
    mime_types: Sequence[str] = tuple(sorted(HTML_TYPES))
    subsets: Sequence[str] = ("warc",)

    @cached_property
    def all(self) -> bool:
        """Whether nothing is listed, so that all is wanted."""
        return self.domains is None and self.urls is None

    @cached_property
    def asked(self) -> list[str]:
        """The domains that have anything that is wanted, sorted as the index's statistics are: by code points."""
        return sorted({*(self.domains or ()), *(self.urls.domains if self.urls else ())})

    @cached_property
    def stretches(self) -> KeyStretches:
        """Where in the index's order they lie."""
        return KeyStretches(self.asked)

    @cached_property
    def whole(self) -> pa.Array:
        """The domains that are wanted whole."""
        return pa.array(self.domains or (), pa.string())

    @cached_property
    def has_addresses(self) -> bool:
        """Whether hosts without a domain are asked for, of which the index's column of domains says nothing."""
        return any(_ADDRESS.fullmatch(one) for one in self.asked)

    def between(self, low: str, high: str) -> pa.Array:
        """The domains asked for that lie in a range, both ends included."""
        return pa.array(self.asked[bisect_left(self.asked, low) : bisect_right(self.asked, high)], pa.string())

    def takes_crawl(self, crawl: str | None) -> bool:
        """Whether rows of a dump are wanted; an index that does not say of which it is has whatever is asked for."""
        return not self.crawls or crawl is None or crawl in self.crawls
