r"""A judge's reply as lines: without thinking, markup and the many forms of the same character.

[line.text for line in clean_lines(without_thoughts("<think>Hm: 5?</think>\n**Final score：** 4"))]
# ["Final score: 4"]
"""

from __future__ import annotations

import re
import unicodedata
from itertools import accumulate, repeat
from operator import ne
from typing import NamedTuple

_THOUGHT = r"(?:think(?:ing)?|thought|reasoning|reflection|scratchpad|seed:think)"
# A tag in quotes is one that the judge talks about.
_THOUGHT_ENDS = re.compile(rf"(?<![\"'`“‘])(?:</{_THOUGHT}>|\[/THINK\]|<\|END_THINKING\|>|◁/think▷)(?![\"'`”’])")
_THOUGHT_BEGINS = re.compile(rf"^[ \t]*(?:<{_THOUGHT}>|\[THINK\]|<\|START_THINKING\|>|◁think▷)", re.MULTILINE)
_CODE_FENCE = re.compile(r"\s*(?:`{3,}|~{3,})(?:\s*\w+)?\s*")
_TAG = re.compile(
    r"<del>.{0,200}?</del>|&nbsp;|</?(?:b|i|u|em|strong|mark|small|p|br|hr|span|div|h[1-6]|code|pre|font|center|ul|ol|li"
    r"|table|thead|tbody|tr|t[dh])\b[^<>]*>",
    re.IGNORECASE,
)
_FRACTION = re.compile(r"\\[dt]?frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}")
_MARKUP = re.compile(r"~~.*?~~|[*`#$\\★☆⭐\ufe0f]|boxed|(?:text|math)(?:bf|rm|it|tt|sf)?(?=\{)")


class _Fold(dict[int, str]):
    """What a character is read as: full-width forms as ASCII, quotes and ``_`` as blanks, invisible ones as none."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        if "\uff01" <= character <= "\uff5e":
            character = chr(code - 0xFEE0)
        elif character in "_\"'“”‘’«»„":
            character = " "
        elif character in "∶﹕︰":
            character = ":"
        elif unicodedata.category(character) == "Cf":
            character = ""
        self[code] = character
        return character


FOLD = _Fold()


class Line(NamedTuple):
    """One line of a reply."""

    text: str  # folded and without markup
    written: str  # as the judge wrote it
    fenced: bool  # within a code fence
    quoted: bool  # behind `>`


def without_thoughts(reply: str) -> str:
    """What follows any thinking; nothing where the thinking was cut off."""
    if not any(mark in reply for mark in ">]▷"):
        return reply
    reply = _THOUGHT_ENDS.split(reply)[-1]
    return _THOUGHT_BEGINS.split(reply)[0]


def clean_lines(reply: str) -> list[Line]:
    """The non-empty lines but for those that open or close a code fence."""
    written = reply.splitlines()
    marks = [bool(_CODE_FENCE.fullmatch(line)) for line in written] if "```" in reply or "~~~" in reply else []
    # An odd number says nothing: a quoted document with one mark too many would turn inside and outside around.
    inside = accumulate(marks, ne) if marks and sum(marks) % 2 == 0 else repeat(False)
    lines = []
    for line, mark, fenced in zip(written, marks or repeat(False), inside, strict=False):
        if not mark and (text := plain_text(line)):
            lines.append(Line(text, line, fenced, line.lstrip().startswith(">")))
    return lines


def plain_text(line: str) -> str:
    """``line`` folded and without markup; empty if nothing else is in it."""
    if "<" in line or "&" in line:
        line = _TAG.sub(" ", line)
    if "frac" in line:
        line = _FRACTION.sub(r"\1/\2", line)
    line = _MARKUP.sub("", line.translate(FOLD))
    return line if line.strip() else ""
