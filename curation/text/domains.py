"""The registered domain of a URL: the unit in which FineMath chose the sites to fetch.

Example: ``registered_domain("https://forums.example.co.uk/t/1")`` is ``"example.co.uk"``. The Public Suffix List is
the snapshot that the installed tldextract carries (`snapshot_version`): nothing is fetched and no cache is written.
Private suffixes are not used there, so ``alice.github.io`` and ``bob.github.io`` are both ``github.io`` (what FineMath
did is unknown); they are by `site`, which tells apart what may be near-duplicates.
"""

from __future__ import annotations

import functools
import importlib.metadata
import ipaddress
import re
from urllib.parse import urlsplit

import tldextract

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_BARE_HOST = re.compile(r"[^\s/?#@:]+\.[^\s/?#@:]+(?::\d+)?(?:[/?#]|$)")
_LABEL = re.compile(r"[\w-]{1,63}")


def registered_domain(url: str, *, private: bool = False) -> str | None:
    """The registered domain of ``url``, in lowercase ASCII (punycode), or None if it names no host.

    A host that is an IP address is returned as it is (without brackets), a host under no known suffix
    as its last two labels (``host.lan``, ``localhost``), a bare public suffix (``co.uk``) as itself. A URL without
    scheme (``example.org/a``) is read as a web address. With ``private`` the list's private suffixes count, too.
    """
    url = url.strip()
    if not _SCHEME.match(url):
        if not (url.startswith("//") or _BARE_HOST.match(url)):
            return None
        url = "//" + url.removeprefix("//")
    try:
        host = urlsplit(url).hostname
    except ValueError:  # brackets that hold no IPv6 address
        return None
    return _domain_of_host(host, private) if host else None


def site(url: str) -> str | None:
    """Like `registered_domain`, but whom a host lets publish under its name is a site of its own: ``alice.github.io``.

    Pages of one site are alike, pages of two authors at one host no more than others.
    """
    return registered_domain(url, private=True)


def repository(url: str) -> str:
    """The first two folders of a path, after its host if it names one: ``redis/redis`` of ``redis/redis/src/a.c``.

    ``https://host.org/redis/redis/blob/main/src/a.c`` is of ``host.org/redis/redis``. Of a file in one folder it is
    that folder, and of a lone file the file.
    """
    path = re.split(r"[?#]", _SCHEME.sub("//", url.strip()), maxsplit=1)[0]
    host = path.startswith("//") or registered_domain(url) is not None
    parts = [part for part in path.split("/") if part]
    return "/".join(parts[: max(1, min(len(parts) - 1, 3 if host else 2))]).lower()


def snapshot_version() -> str:
    """Which Public Suffix List is used: the version of the tldextract whose snapshot it is."""
    return f"tldextract=={importlib.metadata.version('tldextract')} bundled snapshot"


@functools.lru_cache(maxsize=1 << 16)
def _domain_of_host(host: str, private: bool) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        pass
    host = _ascii_host(host.rstrip("."))
    labels = host.split(".")
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    parts = _extractor(private)(host)
    if parts.suffix:
        return f"{parts.domain}.{parts.suffix}" if parts.domain else host
    return ".".join(labels[-2:])


def _ascii_host(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii").lower()
    except UnicodeError:  # a label that is empty, too long or not allowed in IDNA 2003
        return host.lower()


@functools.cache
def _extractor(private: bool) -> tldextract.TLDExtract:
    return tldextract.TLDExtract(cache_dir=None, suffix_list_urls=(), include_psl_private_domains=private)
