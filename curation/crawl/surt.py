"""The sort key of a URL in an index: its host from the back, so that the pages of a domain stand together.

Example: ``surt("http://www.Example.com/goo/?b=2&a=1#x")`` is ``"com,example)/goo?a=1&b=2"``.

Source of the rules: the Internet Archive's package ``surt``, with which Common Crawl's index is made; its own examples
are the tests here. Hosts that are numbers in unusual ways (``http://3279880203/``) are left as they are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate
from urllib.parse import quote, unquote_to_bytes

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://+(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*):?(\d*)([^?#]*)(?:\?([^#]*))?", re.I)
_PORTS = {"http": "80", "https": "443"}
_WWW = re.compile(r"www\d*\.")
_SAFE = "".join(map(chr, range(0x21, 0x7F))).translate({ord("#"): None, ord("%"): None})
_PATH_SESSIONS = (
    re.compile(r"(.*)/\((?:[a-z]\([0-9a-z]{24}\))+\)(/[^?]+\.aspx.*)", re.I),
    re.compile(r"(.*)/\([0-9a-z]{24}\)(/[^?]+\.aspx.*)", re.I),
    re.compile(r"(.*);jsessionid=[0-9a-z]{32}()$", re.I),
)
_QUERY_SESSIONS = (
    re.compile(r"^(.*?)(?:jsessionid|phpsessid|sid)=[0-9a-z]{32}(?:&(.*))?$", re.I),
    re.compile(r"^(.*?)aspsessionid[a-z]{8}=[a-z]{24}(?:&(.*))?$", re.I),
    re.compile(r"^(.*?)cfid=[^&]+&cftoken=[^&]+(?:&(.*))?$", re.I),
)


def surt(url: str) -> str:
    """The key of a URL; what has no host, such as ``dns:example.org``, stays as it is."""
    parts = _URL.match("".join(url.split("\t")).strip())
    if parts is None:
        return url.strip()
    scheme, host, port, path, query = parts.groups(default="")
    shown = f":{port}" if port and port != _PORTS.get(scheme.lower()) else ""
    return f"{_reversed(host)}{shown}){_path(path)}{_query(query)}"


def _reversed(host: str) -> str:
    """``www.example.org`` to ``org,example``."""
    name = _WWW.sub("", _ascii(_plain(host).lower().strip(".")), count=1)
    if host.startswith("["):
        return name
    return ",".join(reversed(re.sub(r"\.{2,}", ".", name).split(".")))


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return quote(host, safe=_SAFE)


def _path(path: str) -> str:
    """A path in lower case, without steps back, double and last slashes, and sessions."""
    path = _escaped(path).lower()
    for pattern in _PATH_SESSIONS:
        if found := pattern.fullmatch(path):
            path = found[1] + found[2]
    steps: list[str] = []
    for step in path.split("/"):
        if step == "..":
            steps = steps[:-1]
        elif step not in ("", "."):
            steps.append(step)
    return "/" + "/".join(steps)


def _query(query: str) -> str:
    """A query in lower case, without sessions, its pairs sorted."""
    query = _escaped(query).lower()
    for pattern in _QUERY_SESSIONS:
        if found := pattern.match(query):
            query = found[1] + (found[2] or "")
    return "?" + "&".join(sorted(query.split("&"), key=_name_and_value)) if query else ""


def _name_and_value(pair: str) -> tuple[str, bool, str]:
    name, sign, value = pair.partition("=")
    return name, bool(sign), value


def _escaped(text: str) -> str:
    """Unescaped as often as anything is escaped, then escaped once where it must be."""
    return quote(_unescaped(text), safe=_SAFE)


def _plain(text: str) -> str:
    return _unescaped(text).decode("utf-8", "replace")


def _unescaped(text: str) -> bytes:
    before, now = b"", text.encode("utf-8", "surrogatepass")
    while before != now:
        before, now = now, unquote_to_bytes(now)
    return now


class KeyStretches:
    """The stretches of keys in which domains lie: of example.org ``org,example)`` to ``org,example;``.

    Args:
        domains: registered domains, or addresses.
    """

    def __init__(self, domains: Iterable[str]) -> None:
        self._begins = sorted({key for one in domains for key in _heads(one)})
        # org,example holds all of org,example-a, so that of two stretches the first may end last.
        self._furthest = list(accumulate((f"{key};" for key in self._begins), max))

    def meet(self, low: str, high: str) -> bool:
        """Whether a key from ``low`` to ``high``, both included, may be of one of the domains."""
        before = bisect_right(self._begins, high)
        return before > 0 and self._furthest[before - 1] >= low


def _heads(domain: str) -> set[str]:
    """What keys of a domain begin with; addresses stand in either direction, and of www.org the www may be gone."""
    turned = ",".join(reversed(domain.split(".")))
    bare = ",".join(reversed(_WWW.sub("", domain, count=1).split(".")))
    return {turned, bare, *([domain] if domain.replace(".", "").isdigit() or ":" in domain else [])}
