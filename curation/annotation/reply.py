r"""Reading the label out of a judge's reply.

    prompt = load_prompt("finemath_5pt")
    read_reply("Clear, with worked steps.\n**Final score:** 4/5", prompt)  # 4
    read_reply("Final score: 3.5", prompt)  # UnreadableReply: not a whole number: 3.5

The last line that makes the claim wins, readable or not: a reply that ends ``Final score: N/A`` has no label, whatever
it said before. Where a line begins with the words, mentions within other lines do not count: a judge that quotes the
document's own "Final score: 5" has not said so. Anything that two readers could read differently (``3-4``, ``3.5``,
``4/10`` on a scale to 5) is unreadable rather than guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from curation.errors import UnreadableReply
from curation.scale import Scale

if TYPE_CHECKING:
    from curation.annotation.prompt import Prompt

READER_VERSION = 1
"""Raised when the same reply would be read otherwise; part of every prompt's digest."""

_MARKUP = re.compile(r"~~.*?~~|[*`#$\\]|boxed|text(?:bf|rm)?(?=\{)")
_LEAD = r"^[\s>\-–—•+(\[{|]*(?:(?:and|so|thus|therefore|hence|overall|the|my|\d+[.)])[\s,:]+)*"
_REMARK = r"(?:\s*\([^()]{0,60}\)(?=\s*[-–—:=|→]))?"  # the brackets of `Final score (0-5): 4`
_LINK = r"\s*(?:(?P<word>is|was|of|would be)\b)?\s*(?P<sign>[:=|→][\s:=|→>]*)?(?P<dash>[-–—−]+\s*)?"
_NUMBER = re.compile(r"[\s()\[\]{}<>|+]*(?P<digits>\d+)(?P<fraction>[.,]\d+)?")
_SUM = re.compile(r"[\s(\[{]*\d+(?:\s*\+\s*\d+)+[\s)\]}]*=")
_AFTER = r"^[\s)\]}>|]*"
_OUT_OF = re.compile(
    _AFTER + r"(?:[/∕⁄]|out of|of)\s*(?:a (?:possible|maximum) (?:of )?)?(?P<whole>\d+)", re.IGNORECASE
)
_ANOTHER = re.compile(_AFTER + r"(?:[-–—−+~→,&;/∕⁄]|->|\.\.+|…|\bto|\bor|\band)\s*\d|^\s+\d", re.IGNORECASE)
_ATTACHED = re.compile(r"(?!points?\b|pts?\b)[A-Za-z]|\s*[½¼¾%‰°]", re.IGNORECASE)
_ALONE = re.compile(r"^\W*\d+(?:\s*(?:[/∕⁄]|out of)\s*\d+)?\s*(?:points?|pts?)?\W*$", re.IGNORECASE)
_FAR = 120  # characters after the words that are looked at, so that no reply takes long to read


def read_reply(reply: str, prompt: Prompt) -> int:
    """The label on the last line of ``reply`` that carries the prompt's reply words and a number.

    A reply that is nothing but a number, as constrained decoding gives, is that number.

    Raises:
        UnreadableReply: if there is no such line, its number is not a whole one, or it lies outside the scale.
    """
    lines = _clean(reply)
    if len(lines) == 1 and _is_alone(lines[0]) and not lines[0].lstrip().startswith(tuple("-–−")):
        return _label(lines[0], prompt.scale)
    claims = _last_claims(lines, prompt.reply_words)
    if not claims:
        raise UnreadableReply(f"no line '{prompt.reply_words}: …'" if lines else "empty reply")
    labels = {_label(claim, prompt.scale) for claim in claims}
    if len(labels) > 1:
        raise UnreadableReply(f"more than one number: {sorted(labels)} on one line")
    return labels.pop()


class _Fold(dict[int, str]):
    """What a character is read as: full-width forms as ASCII, quotes and ``_`` as blanks, invisible ones as none."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if "\uff01" <= character <= "\uff5e":
            character = chr(code - 0xFEE0)
        elif character in "_\"'“”‘’«»„":
            character = " "
        elif unicodedata.category(character) == "Cf":
            character = ""
        self[code] = character
        return character


_FOLD = _Fold()


def _clean(reply: str) -> list[str]:
    """The non-empty lines after any thinking, folded and without markup."""
    reply = re.split(r"<think(?:ing)?>", re.split(r"</think(?:ing)?>", reply)[-1])[0]
    lines = (_MARKUP.sub("", line) for line in reply.translate(_FOLD).splitlines())
    return [line for line in lines if line.strip()]


@lru_cache(maxsize=64)
def _patterns(words: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The claim at the start of a line, and the claim anywhere in it."""
    parts = words.translate(_FOLD).replace("-", " ").split()
    claim = r"(?<!\w)" + r"[\s-]+".join(map(re.escape, parts)) + r"(?!\w)" + _REMARK + _LINK
    return re.compile(_LEAD + claim, re.IGNORECASE), re.compile(claim, re.IGNORECASE)


def _last_claims(lines: list[str], words: str) -> list[str]:
    """All claims of the last line that begins with one or, if none does, of the last line that holds one."""
    at_start, anywhere = _patterns(words)
    for pattern in (at_start, anywhere):
        for row in reversed(range(len(lines))):
            if any(_claims(pattern, lines, row)):
                return list(_claims(anywhere, lines, row))
    return []


def _claims(pattern: re.Pattern[str], lines: list[str], row: int) -> Iterator[str]:
    """What follows each claim, never empty; a colon makes one whatever follows, other links only with a number."""
    for found in pattern.finditer(lines[row]):
        rest = lines[row][found.end() : found.end() + _FAR]
        if found["sign"] and found["dash"]:
            yield f"-{rest}"
        elif found["sign"] and not rest.strip():
            following = lines[row + 1] if row + 1 < len(lines) else ""
            yield following if _is_alone(following) else " "
        elif found["sign"] or _NUMBER.match(rest):
            yield rest


def _is_alone(line: str) -> bool:
    """Whether a line is nothing but a number, with its total or its unit."""
    return len(line) <= _FAR and bool(_ALONE.match(line))


def _label(claim: str, scale: Scale) -> int:
    said = claim.strip()[:40]
    total = _SUM.match(claim)
    claim = claim[total.end() :] if total else claim
    number = _NUMBER.match(claim)
    if number is None:
        below = re.match(r"\s*[-–−]\s*\d", claim)
        raise UnreadableReply(
            f"outside the scale {scale.low} to {scale.high}: {said}" if below else f"no number: {said!r}"
        )
    rest = claim[number.end() :]
    if not re.fullmatch(r"[.,]0{1,2}", number["fraction"] or ".0") or _is_attached(rest):
        raise UnreadableReply(f"not a whole number: {said}")
    out_of = _OUT_OF.match(rest)
    if out_of and _whole(out_of["whole"]) != scale.high:
        raise UnreadableReply(f"out of another total than {scale.high}: {said}")
    if _ANOTHER.match(rest[out_of.end() :] if out_of else rest):
        raise UnreadableReply(f"more than one number: {said}")
    label = _whole(number["digits"])
    if label is None or not scale.holds(label):
        raise UnreadableReply(f"outside the scale {scale.low} to {scale.high}: {said}")
    return label


def _whole(digits: str) -> int | None:
    """Digits of any script as a number; None for absurdly many, which Python would refuse to read."""
    return int(digits) if len(digits) < 19 else None


def _is_attached(rest: str) -> bool:
    """Whether what is stuck to the number makes it another: ``½``, ``²``, ``%``, ``k``; not ``4points``, ``4分``."""
    return bool(rest) and (unicodedata.numeric(rest[0], None) is not None or bool(_ATTACHED.match(rest)))
