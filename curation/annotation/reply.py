r"""Reading the label out of a judge's reply.

    prompt = load_prompt("finemath_5pt")
    read_reply("Clear, with worked steps.\n**Final score:** 4/5", prompt)  # 4
    read_reply("Final score: 3.5", prompt)  # UnreadableReply: not a whole number: 3.5

The last line that makes the claim wins, readable or not: a reply that ends ``Final score: N/A`` has no label, whatever
it said before. Where a line begins with the words, mentions within other lines do not count, nor do quoted lines: a
judge that quotes the document's own "Final score: 5" has not said so. Anything that two readers could read differently
(``3-4``, ``3.5``, ``4/10`` on a scale to 5) is unreadable rather than guessed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from curation.annotation.constrain import json_scores
from curation.annotation.reply_lines import FOLD, Line, clean_lines, plain_text, without_thoughts
from curation.errors import UnreadableReply
from curation.scale import Scale

if TYPE_CHECKING:
    from curation.annotation.prompt import Prompt

READER_VERSION = 2
"""Raised when the same reply would be read otherwise; part of every prompt's digest."""

_QUOTATION = re.compile(r"(?<!\w)(?:\"[^\"]*\"?|“[^”]*”?|«[^»]*»?|„[^“”]*[“”]?|‘[^’]*’?|'(?:[^']|(?<=\w)'(?=\w))*'?)")
_QUOTES = re.compile("[\"'“„«‘]")
_LEAD = r"\W*(?:(?:and|so|thus|therefore|hence|overall|the|my|\d+[.)])[\s,:]+)*"
# The brackets of `Final score (0-5): 4`.
_REMARK = r"(?:\s*(?:\([^()]{0,60}\)|\[[^\[\]]{0,60}\]|(?:/|out of)\s*\d+)(?=\s*[-–—:=|→]))?"
_VERB = r"(?:(?:is|was|of|would be|ist|est|es)\b|是|为|為|は)"
_LINK = rf"\s*(?:{_VERB}\s*)?(?P<sign>[:=|→][\s:=|→>]*)?(?P<dash>[-–—−]+\s*)?"
_NUMBER = re.compile(r"[\s()\[\]{}<>|+]*(?P<digits>\d+)(?P<fraction>[.,٫·]\d+)?")
_UNIT = r"(?:points?\b|pts?\b|分)?"
# Atomic, as three ways to take each blank of a long sum would be tried in all combinations.
_TERM = rf"(?>\s*{_UNIT}\s*(?:\([^()]*\)|\[[^\[\]]*\])?\s*)"
_SUM = re.compile(rf"[\s(\[{{]*\d+(?:{_TERM}[+\-–−]\s*\d+)+{_TERM}[)\]}}]*\s*=", re.IGNORECASE)
_AFTER = r"[\s()\[\]{}>|,]*"
_OUT_OF = re.compile(
    rf"(?>{_AFTER}{_UNIT}{_AFTER})(?:"
    r"(?:[/∕⁄]|(?:out )?of(?: the| an?)?\b|(?:von|sur|su|sobre|de|из|من)\b|满分|滿分)\s*"
    r"(?:(?:possible|maximum)\s*(?:of )?)?(?P<whole>\d+)"
    r"|(?:on|in) an? (?:\w+ )?scale (?:of|from)\s+\d+\s*(?:to|[-–])\s*(?P<top>\d+))",
    re.IGNORECASE,
)
_ANOTHER = re.compile(
    r"[\s)\]}>|]*(?:[-–—−+~→,&;/∕⁄]|->|\.\.+|…|\bto|\bor|\band)\s*\d|[\s|]+\d"
    rf"|{_TERM}\+\s*\d|\s*(?:points?|pts?)\s+for\b.*\d\s*(?:points?|pts?)\b",
    re.IGNORECASE,
)
_ATTACHED = re.compile(r"(?!points?\b|pts?\b)[A-Za-z]|\s*[½¼¾%‰°]|\+\s*$", re.IGNORECASE)
_TOTAL = r"(?:\s*(?:[/∕⁄]|out of)\s*\d+)?"
_ALONE = re.compile(rf"\W*\d+{_TOTAL}\s*(?:points?|pts?)?{_TOTAL}\W*", re.IGNORECASE)
_SUPPOSED = re.compile(r"\W*\d+\W*(?:would|requires?|needs?|could|might|may|demands?|means|if|only|unless)\b", re.I)
_DENIED = re.compile(
    r"(?:\bnot|n't \w+|\b(?:rather than|short of|instead of|if|to (?:get|reach|earn|merit|deserve|justify|warrant)))"
    r"(?: an?| the)?\s*$",
    re.IGNORECASE,
)
_FAR = 120  # characters after the words that are looked at, so that no reply takes long to read


def read_reply(reply: str, prompt: Prompt) -> int:
    """The label on the last line of ``reply`` that carries the prompt's reply words and a number.

    A reply that is nothing but a number, as constrained decoding gives, is that number. Where the prompt constrains the
    reply to JSON, the ``score`` of its last object is the label; a reply without one is read as any other.

    Raises:
        UnreadableReply: if there is no such line, its number is not a whole one, or it lies outside the scale.
    """
    reply = without_thoughts(reply)
    scores = json_scores(reply) if prompt.constrain == "json" else []
    if scores:
        return _json_label(scores[-1], prompt.scale)
    lines = clean_lines(reply)
    if len(lines) == 1 and _is_alone(lines[0].text) and (prompt.scale.low < 0 or not _is_below(lines[0].text)):
        return _label(lines[0].text, prompt.scale)
    claims = _last_claims(lines, prompt.reply_words)
    if not claims:
        raise UnreadableReply(f"no line '{prompt.reply_words}: …'" if lines else "empty reply")
    labels = {_label(claim, prompt.scale) for claim in claims}
    if len(labels) > 1:
        raise UnreadableReply(f"more than one number: {sorted(labels)} on one line")
    return labels.pop()


@lru_cache(maxsize=64)
def _patterns(words: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """The claim at the start of a line, and the claim anywhere in it."""
    parts = words.translate(FOLD).replace("-", " ").split()
    # Chinese and Japanese set no blanks between words.
    left = "" if parts[0][0] >= "\u2e80" else r"(?<!\w)"
    right = "" if parts[-1][-1] >= "\u2e80" else r"(?![^\W\d])"
    claim = left + r"[\s-]+".join(map(re.escape, parts)) + right + _REMARK + _LINK
    return re.compile(r"^" + _LEAD + claim, re.IGNORECASE), re.compile(claim, re.IGNORECASE)


def _last_claims(lines: list[Line], words: str) -> list[str]:
    """All claims of the last line that begins with one or, if none does, of the last line that holds one.

    The judge's own lines come before those in a code fence, and these before a last line in quotes. Within a line, only
    its own count, and the keys of a JSON object in a code fence.
    """
    at_start, anywhere = _patterns(words)
    rows = [row for row in reversed(range(len(lines))) if anywhere.search(lines[row].text)]
    own = {row: _unquoted(lines[row], anywhere) for row in rows if not lines[row].quoted}
    plain = {row: text for row, text in own.items() if not lines[row].fenced}
    end = next((row for row in reversed(range(len(lines))) if not _is_alone(lines[row].text)), -1)
    last = {row: lines[row].text for row in rows if row == end}
    keys = {row: text for row, text in own.items() if text.lstrip().startswith("{")}
    tiers = ((plain, at_start), (own, at_start), (last, at_start), (plain, anywhere), (keys, anywhere))
    for candidates, pattern in tiers:
        for row, text in candidates.items():
            following = lines[row + 1].text if row + 1 < len(lines) else ""
            if any(_claims(pattern, text, following)):
                return list(_claims(anywhere, text, following))
    return []


def _unquoted(line: Line, claim: re.Pattern[str]) -> str:
    """The line's text without quotations that hold both the words and a number: not ``"Final score": 4``."""

    def shown(found: re.Match[str]) -> str:
        inside = claim.search(plain_text(found[0]))
        return " " if inside and re.search(r"\d", found[0]) else found[0]

    kept = _QUOTATION.sub(shown, line.written) if _QUOTES.search(line.written) else line.written
    return line.text if kept == line.written else plain_text(kept)


def _claims(pattern: re.Pattern[str], text: str, following: str) -> Iterator[str]:
    """What follows each claim, never empty; a colon makes one whatever follows, other links only with a number."""
    for found in pattern.finditer(text):
        rest = text[found.end() : found.end() + _FAR]
        if found["sign"] and found["dash"]:
            yield f"-{rest}"
        elif found["sign"] and not rest.strip():
            yield following if _is_alone(following) else " "
        elif found["sign"] or (
            _NUMBER.match(rest) and not _is_supposed(text[max(found.start() - _FAR, 0) : found.start()], rest)
        ):
            yield rest


def _is_supposed(before: str, rest: str) -> bool:
    """Whether the judge speaks of a label that it does not give: "a final score of 5 would need …"."""
    return bool(_SUPPOSED.match(rest) or _DENIED.search(before))


def _is_alone(line: str) -> bool:
    """Whether a line is nothing but a number, with its total or its unit."""
    return len(line) <= _FAR and bool(_ALONE.fullmatch(line))


def _is_below(text: str) -> bool:
    """Whether a minus stands before the number."""
    return bool(re.match(r"[\s()\[\]{}]*[-–−]\s*\d", text))


def _json_label(value: Any, scale: Scale) -> int:
    if value is None:
        raise UnreadableReply("no score in the JSON, or it is cut off")
    if isinstance(value, str):
        return _label(value, scale)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise UnreadableReply(f"not a whole number: {str(value)[:40]}")
    if not scale.holds(value):
        raise UnreadableReply(f"outside the scale {scale.low} to {scale.high}: {str(value)[:40]}")
    return int(value)


def _label(claim: str, scale: Scale) -> int:
    said = claim.strip()[:40]
    outside = UnreadableReply(f"outside the scale {scale.low} to {scale.high}: {said}")
    total = _SUM.match(claim)
    claim = claim[total.end() :] if total else claim
    below = _is_below(claim)
    if below and scale.low >= 0:
        raise outside
    number = _NUMBER.match(claim.replace("−", "-").replace("–", "-").replace("-", "", 1) if below else claim)
    if number is None:
        raise UnreadableReply(f"no number: {said!r}")
    _check_rest(number, scale, said)
    label = _whole(number["digits"])
    if label is None or not scale.holds(-label if below else label):
        raise outside
    return -label if below else label


def _check_rest(number: re.Match[str], scale: Scale, said: str) -> None:
    """Raise if what follows the digits makes another number, or several, of them."""
    rest = number.string[number.end() :]
    if not re.fullmatch(r"[.,]0{1,2}", number["fraction"] or ".0") or _is_attached(rest):
        raise UnreadableReply(f"not a whole number: {said}")
    out_of = _OUT_OF.match(rest)
    if out_of and _whole(out_of["whole"] or out_of["top"]) != scale.high:
        raise UnreadableReply(f"out of another total than {scale.high}: {said}")
    if _ANOTHER.match(rest[out_of.end() :] if out_of else rest):
        raise UnreadableReply(f"more than one number: {said}")


def _whole(digits: str) -> int | None:
    """Digits of any script as a number; None for absurdly many, which Python would refuse to read."""
    return int(digits) if len(digits) < 19 else None


def _is_attached(rest: str) -> bool:
    """Whether what is stuck to the number makes it another: ``½``, ``²``, ``%``, ``k``; not ``4points``, ``4分``."""
    return bool(rest) and (unicodedata.numeric(rest[0], None) is not None or bool(_ATTACHED.match(rest)))
