"""Email addresses and public IP addresses in a text, replaced as FineWeb does.

Example: ``replace_personal("ask ann@uni.edu, 8.8.8.8 or 10.0.0.1")`` is
``"ask email@example.com, 22.214.171.124 or 10.0.0.1"``.

What is found and what replaces it are those of datatrove's ``PIIFormatter``, which is the last step of FineWeb: two
addresses in turn for emails, six in turn for public IPs; private IPs stay. There the turn goes on from document to
document, so that the output depends on what came before. Here it starts anew with each document: the same text gives
the same text, in any order and on any number of machines. And a text that was masked once stays as it is: those eight
addresses are left where they stand and are nobody's, while datatrove gives them a turn, too.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import cycle

from curation.text.masking import NONE_ALLOWED, Allowed, Span, gaps, masked, merged
from curation.text.version_numbers import is_no_address

EMAILS = ("email@example.com", "firstname.lastname@example.org")
"""Addresses of domains that are kept free for examples (RFC 2606)."""
IPS = ("22.214.171.124", "126.96.36.199", "188.8.131.52", "184.108.40.206", "220.127.116.11", "18.104.22.168")
"""FineWeb's six; they did not answer when they were chosen."""

_LOCAL = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
_ATOM = re.compile(rf"\b[{_LOCAL}]")
_RUN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+/=?^_`{|}~-."
_LABEL = "[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|[01]?[0-9][0-9]?)"
_DOMAIN = re.compile(
    rf"(?:{_LABEL}\.)+{_LABEL}|\[(?:{_OCTET}\.){{3}}(?:{_OCTET}|[A-Za-z0-9-]*[A-Za-z0-9]:)\]"
)  # fmt: skip
_IP = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}")
# Begins with a fixed character, which is looked for ten times as fast as what begins with any digit.
_HINT = re.compile(r"\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]")


def replace_personal(text: str, *, emails: bool = True, ips: bool = True, allowed: Allowed = NONE_ALLOWED) -> str:
    """``text`` with the addresses in it replaced; see `find_personal`."""
    return masked(text, find_personal(text, emails=emails, ips=ips, allowed=allowed))


def find_personal(
    text: str, *, emails: bool = True, ips: bool = True, allowed: Allowed = NONE_ALLOWED, code: bool = False
) -> list[Span]:
    """The email addresses (kind ``email``) and public IP addresses (``ip``) in ``text``, in order.

    Args:
        text: any text.
        emails: whether email addresses are looked for.
        ips: whether IP addresses are looked for. A version number of four parts, such as 1.2.3.4, looks like one.
        allowed: addresses that are left as they are; they take no turn.
        code: whether versions and sections of standards are told from addresses, which FineWeb does not.
    """
    taken: list[Span] = []
    if emails and "@" in text:
        turn = cycle(EMAILS)
        values = ((place, text[slice(*place)]) for place in _emails(text))
        found = (place for place, value in values if value not in EMAILS and value not in allowed)
        taken = [Span(start, end, "email", next(turn)) for start, end in found]
    if ips and _HINT.search(text):
        turn = cycle(IPS)
        matches = (match for start, end in gaps(taken, len(text)) for match in _IP.finditer(text, start, end))
        public = (match for match in matches if _is_public(match[0]) and match[0] not in allowed)
        if code:
            public = (match for match in public if not is_no_address(text, *match.span()))
        taken = merged([*taken, *(Span(*match.span(), "ip", next(turn)) for match in public)])
    return taken


def _emails(text: str) -> Iterator[tuple[int, int]]:
    """From each @ to both sides.

    One regular expression for the whole address tries each character as a beginning: quadratic in ``a/a/a/…``.
    """
    free, at = 0, text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        start = _local_start(text, free, at) if domain else None
        if domain and start is not None:
            yield start, domain.end()
        free = domain.end() if domain and start is not None else at + 1
        at = text.find("@", free)


def _local_start(text: str, free: int, at: int) -> int | None:
    """Where the part before the @ begins, at ``free`` or after; None if there is none."""
    before = text[free:at]
    run = before[len(before.rstrip(_RUN)) :]
    if not run or run.endswith("."):
        return None
    run = run[run.rfind("..") + 2 :] if ".." in run else run
    atom = _ATOM.search(text, at - len(run), at)
    return atom.start() if atom else None


@lru_cache(maxsize=65_536)
def _is_public(address: str) -> bool:
    """Whether it is somebody's: neither private nor one of those that replace."""
    if address in IPS:
        return False
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:  # such as 01.2.3.4, of which nobody can say whether it is octal
        return False
