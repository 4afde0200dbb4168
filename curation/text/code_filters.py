"""StarCoder2's filters of code files: what is measured of a file, and why it is dropped.

Example: ``code_failure(text, "data.py", code_language("Python").limits)`` is None for a file that stays, and else a
`CodeFailure` such as ``(reason="long_lines", rule="max_line", value=1204.0, limit=1000.0)``.

| reason                | rule                                   | value                                | published    |
|-----------------------|----------------------------------------|--------------------------------------|--------------|
| `empty`               | `characters`                           | characters that are no white space   | < 1          |
| `too_short`           | `min_characters`                       | characters                           | (ours, none) |
| `too_many_lines`      | `max_lines`                            | lines                                | > 100000     |
| `long_lines`          | `max_line`, `max_mean_line`            | longest line, mean of all lines      | > 1000, > 100|
| `few_letters`         | `min_letters`                          | share of letters                     | < .25        |
| `encoded_data`        | `max_encoded_run`, `max_encoded_share` | characters of the longest, the share | > 1024, > .5 |
| `little_visible_text` | `min_visible_characters`, `…_share`    | characters that a browser shows      | < 100, < .2  |
| `unwanted_name`       | `only_stems`                           | 0: a name that is not among them     |              |

The last two are asked of HTML and of Text, in whose entries they stand; markup and prose may have lines of 100,000.

Source: StarCoder2 and The Stack v2, arXiv 2402.19173, section 2.1, "Basic filters" and "Language-specific filters". It
leaves open what a line is (here, as in its authors' other scripts, what ``str.splitlines`` gives), and whether a
character in two matches of encoded data counts twice (here once).
"""

from __future__ import annotations

import re
from typing import NamedTuple

import numpy as np

from curation.text.code_limits import CodeLimits
from curation.text.code_scanning import MEASURES, character_kinds, measure_code


class CodeStatistics(NamedTuple):
    """What is measured of a file.

    Attributes:
        characters: of the whole file.
        lines: as ``str.splitlines`` gives them.
        max_line: characters of the longest line.
        mean_line: characters of all lines, without what ends them, by their number.
        alphabetic: share of letters among all characters.
        alphanumeric: share of letters and digits.
        encoded_run: characters of the longest match of encoded data.
        encoded_share: share of characters that are in such a match.
    """

    characters: int
    lines: int
    max_line: int
    mean_line: float
    alphabetic: float
    alphanumeric: float
    encoded_run: int
    encoded_share: float


class CodeFailure(NamedTuple):
    """Why a file is dropped: the reason, the limit's name, what was measured, and the limit."""

    reason: str
    rule: str
    value: float
    limit: float


def code_statistics(text: str) -> CodeStatistics:
    """All that the filters measure, in one call of a kernel."""
    if text.isascii():
        points = np.frombuffer(text.encode("ascii"), np.uint8)
    else:
        points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    out = np.empty(MEASURES)
    measure_code(points, character_kinds(), out)
    size, lines, longest, mean, alphabetic, alphanumeric, run, share = out.tolist()
    return CodeStatistics(int(size), int(lines), int(longest), mean, alphabetic, alphanumeric, int(run), share)


def code_failure(text: str, path: str, limits: CodeLimits) -> CodeFailure | None:
    """The first limit that a file is beyond, None if there is none.

    Args:
        text: the file's content.
        path: of which the name counts, where limits speak of names.
        limits: those of its language.
    """
    if not text or text.isspace():
        return CodeFailure("empty", "characters", 0.0, 1.0)
    return (
        _measured(code_statistics(text), limits)
        or (_little_visible(text, limits) if limits.looks_at_visible_text else None)
        or (None if _is_wanted_name(path, limits) else CodeFailure("unwanted_name", "only_stems", 0.0, 1.0))
    )


def _measured(found: CodeStatistics, limits: CodeLimits) -> CodeFailure | None:
    letters = getattr(found, limits.letters)
    checks = (
        ("too_short", "min_characters", found.characters, limits.min_characters, True),
        ("too_many_lines", "max_lines", found.lines, limits.max_lines, False),
        ("long_lines", "max_line", found.max_line, limits.max_line, False),
        ("long_lines", "max_mean_line", found.mean_line, limits.max_mean_line, False),
        ("few_letters", "min_letters", letters, limits.min_letters, True),
        ("encoded_data", "max_encoded_run", found.encoded_run, limits.max_encoded_run, False),
        ("encoded_data", "max_encoded_share", found.encoded_share, limits.max_encoded_share, False),
    )
    for reason, rule, value, limit, least in checks:
        if limit is not None and (value < limit if least else value > limit):
            return CodeFailure(reason, rule, float(value), float(limit))
    return None


def _little_visible(text: str, limits: CodeLimits) -> CodeFailure | None:
    shown = len(visible_text(text))
    least, share = limits.min_visible_characters, limits.min_visible_share
    if least is not None and shown < least:
        return CodeFailure("little_visible_text", "min_visible_characters", float(shown), float(least))
    if share is not None and shown < share * len(text):
        return CodeFailure("little_visible_text", "min_visible_share", shown / len(text), share)
    return None


def _is_wanted_name(path: str, limits: CodeLimits) -> bool:
    if not limits.only_stems and not limits.only_names_with:
        return True
    name = path.rpartition("/")[2].lower()
    stem = name.rpartition(".")[0] or name
    return stem in limits.only_stems or any(part in name for part in limits.only_names_with)


_OPENING = re.compile(r"<(?:(!--)|(script|style|head|title|template|noscript)(?=[\s/>])|/?[a-z]|[!?])", re.IGNORECASE)
_CLOSING = {
    name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE)
    for name in ("script", "style", "head", "title", "template", "noscript")
}


def visible_text(html: str) -> str:
    """What of an HTML file is text: without tags, comments, scripts, styles and the head; a run of blanks is one.

    Each character is read once or twice: what opens and never closes hides the rest of the file, as in a browser.
    """
    shown: list[str] = []
    place = 0
    while (found := _OPENING.search(html, place)) is not None:
        shown.append(html[place : found.start()])
        begin = found.end()
        if found[2]:
            closed = _CLOSING[found[2].lower()].search(html, begin)
            begin = closed.end() if closed else len(html)
        ends = "-->" if found[1] else ">"
        place = html.find(ends, begin) + len(ends)
        if place < len(ends):  # it ends nowhere
            place = len(html)
    shown.append(html[place:])
    return " ".join("".join(shown).split())
