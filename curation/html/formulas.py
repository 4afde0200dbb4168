r"""Formulas in a page's tokens: MathML, math scripts, images, elements that are all TeX, and rendered output of them.

Example: of ``<p>Let <script type="math/tex">x^2</script>`` the three tokens of the script become formula 0, and
`outline` writes its mark in their place. Only start tags that the scan found worth a look are looked at. What is
rendered (KaTeX, MathJax, MediaWiki) holds one formula several times: as MathML, as its annotation, as dozens of spans;
the element becomes the one formula inside it, or goes where the page's own script beside it holds the TeX.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass, field
from html import unescape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.html import tags
from curation.html.markers import Formulas
from curation.html.mathjax_output import output_tex
from curation.html.scan import END, RAW_TEXT, START, TEXT
from curation.html.tex_sources import (
    MAX_FORMULA_CHARS,
    MAX_MATHML_CHARS,
    attribute,
    image_tex,
    looks_like_tex,
    mathml_element_tex,
    script_tex,
    whole_formula,
)

NO_FORMULA, LEFT_OUT = -1, -2
MAX_OUTPUT_CHARS = 5_000
MAX_NESTING = 8
MAX_DRAWN_BYTES = 400_000

_T = tags.TAGS
_OWN_ELEMENTS = frozenset(_T[name] for name in ("d-math", "dt-math", "tex-math", "la-tex", "tex", "eq"))
_LEAF_ELEMENTS = _OWN_ELEMENTS | {_T[name] for name in ("mathjax", "span", "div", "p", "code", "em")}
_BLOCKS = (_T["div"], _T["p"])
_DISPLAY = re.compile(r"(?<![a-z])(?:display|block|displaymath|katex-display|equation)(?![a-z])", re.IGNORECASE)
_SHOWN = re.compile(r"display|block", re.IGNORECASE)
_SURE = re.compile(r"(?<![\w-])math (?:inline|display|notranslate)(?![\w-])")
_TEX_CLASS = re.compile(r"(?<![a-zA-Z])(?:tex|katex|latex|math)(?![a-zA-Z])", re.IGNORECASE)
_SPACE = re.compile(r"\s+")
_DATA = re.compile(
    r"\bdata-(?:expr|tex|latex|math|formula)\s*=\s*(?:\"([^\"]{1,20000})\"|'([^']{1,20000})')", re.IGNORECASE
)


@dataclass(slots=True)
class Reading:
    """One page's tokens while its formulas are taken out of them.

    ``number`` and ``until`` are what `outline` takes: for each token the formula that begins there (or ``LEFT_OUT``),
    and the token after it.
    """

    data: bytes
    kind: NDArray[np.uint8]
    names: NDArray[np.uint8]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    math: NDArray[np.uint8]
    formulas: Formulas
    number: NDArray[np.int32] = field(init=False)
    until: NDArray[np.int32] = field(init=False)
    _closings: dict[int, list[int]] = field(init=False, default_factory=dict)
    _partners: dict[int, dict[int, int]] = field(init=False, default_factory=dict)
    _flagged: list[int] = field(init=False, default_factory=list)
    _leaf_kinds: dict[bytes, tuple[bool, bool]] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        self.number = np.full(self.kind.size, NO_FORMULA, np.int32)
        self.until = np.zeros(self.kind.size, np.int32)

    def take(self) -> None:
        """Find the formulas of the whole page."""
        self._flagged = np.flatnonzero(self.math).tolist()
        self._take_between(0, self.kind.size, 0)

    def _take_between(self, start: int, stop: int, nesting: int) -> list[int]:
        """Take the formulas of tokens ``start`` to ``stop``; their numbers."""
        found: list[int] = []
        place = bisect_left(self._flagged, start)
        while place < len(self._flagged) and self._flagged[place] < stop:
            token = self._flagged[place]
            numbers, after = self._one(token, stop, nesting)
            found += numbers
            place = bisect_left(self._flagged, after, place + 1) if after > token + 1 else place + 1
        return found

    def _one(self, token: int, stop: int, nesting: int) -> tuple[list[int], int]:
        """The formulas that the start tag ``token`` begins, and the token after them."""
        math = int(self.math[token])
        if math & tags.PREVIEW and self._follows(self._end_of(token, stop), tags.MATH_SCRIPT | tags.RENDERED, tokens=3):
            return self._leave_out(token, self._end_of(token, stop))
        for bit, read in (
            (tags.MATHML, self._mathml),
            (tags.MATH_SCRIPT, self._script),
            (tags.DATA_TEX, self._data),
            (tags.LEAF, self._leaf),
            (tags.IMAGE, self._image),
        ):
            if math & bit and (result := read(token, stop)) is not None:
                return result
        if math & tags.RENDERED and nesting < MAX_NESTING:
            return self._rendered(token, stop, nesting)
        return [], token + 1

    def _source(self, token: int) -> str:
        return self.data[self.starts[token] : self.ends[token]].decode("utf-8", "replace")

    def _inside(self, token: int, end: int, limit: int = MAX_MATHML_CHARS) -> str:
        """The source between a start tag and the token ``end``."""
        start = int(self.ends[token])
        return self.data[start : min(int(self.starts[end]), start + limit)].decode("utf-8", "replace")

    def _keep(self, token: int, after: int, tex: str, display: bool) -> tuple[list[int], int]:
        """Put a formula in the place of tokens; nothing in the place of an empty one."""
        number = self.formulas.add(tex[:MAX_FORMULA_CHARS], display=display)
        self.number[token], self.until[token] = (LEFT_OUT if number is None else number), after
        return ([] if number is None else [number]), after

    def _leave_out(self, token: int, after: int) -> tuple[list[int], int]:
        self.number[token], self.until[token] = LEFT_OUT, after
        return [], after

    def _closing(self, name: int, token: int) -> int | None:
        """The next end tag of that name, whatever stands between; elements that cannot nest end there."""
        if name not in self._closings:
            found = np.flatnonzero((self.names == name) & (self.kind == END))
            self._closings[name] = found.tolist()
        closings = self._closings[name]
        place = bisect_left(closings, token)
        return closings[place] if place < len(closings) else None

    def _end_of(self, token: int, stop: int) -> int:
        """The token after the element that begins at ``token``; the next one where the element is never closed."""
        name = int(self.names[token])
        if name not in self._partners:
            self._partners[name] = self._partners_of(name)
        return min(self._partners[name].get(token, token) + 1, stop)

    def _partners_of(self, name: int) -> dict[int, int]:
        """The end tag of each element of that name, counting elements of its name only."""
        partners: dict[int, int] = {}
        opened: list[int] = []
        for place in np.flatnonzero(self.names == name).tolist():
            if self.kind[place] == START:
                opened.append(place)
            elif self.kind[place] == END and opened:
                partners[opened.pop()] = place
        return partners

    def _mathml(self, token: int, stop: int) -> tuple[list[int], int] | None:
        end = self._closing(_T["math"], token)
        if end is None:
            return None
        after = end + 1
        # An element that was never closed ends where a block of the page begins or ends.
        blocks = np.flatnonzero(tags.CATEGORY[self.names[token + 1 : end]] & tags.BLOCK)
        if blocks.size:
            after = end = token + 1 + int(blocks[0])
        tex, display = mathml_element_tex(self._source(token), self._inside(token, end))
        return self._keep(token, after, tex, display)

    def _script(self, token: int, stop: int) -> tuple[list[int], int] | None:
        raw = token + 1
        content = self._source(raw) if raw < self.kind.size and self.kind[raw] == RAW_TEXT else ""
        taken = script_tex(self._source(token), content)
        return None if taken is None else self._keep(token, token + 3 if content else token + 2, *taken)

    def _image(self, token: int, stop: int) -> tuple[list[int], int] | None:
        taken = image_tex(self._source(token))
        return None if taken is None else self._keep(token, token + 1, *taken)

    def _data(self, token: int, stop: int) -> tuple[list[int], int] | None:
        found = _DATA.search(self._source(token))
        tex = unescape(found[1] or found[2]) if found else ""
        classes = attribute(self._source(token), "class") or ""
        if not tex or not (looks_like_tex(tex) or _TEX_CLASS.search(classes)):
            return None
        after = token + 1 if self.names[token] == _T["img"] else self._end_of(token, stop)
        return self._keep(token, after, tex, _SHOWN.search(classes) is not None)

    def _leaf(self, token: int, stop: int) -> tuple[list[int], int] | None:
        """An element that holds one text and nothing else, if that is one formula."""
        name, end = int(self.names[token]), token + 2
        if name not in _LEAF_ELEMENTS or end >= self.kind.size:
            return None
        if self.kind[token + 1] != TEXT or self.kind[end] != END or self.names[end] != name:
            return None
        sure, block = self._leaf_kind(token)
        content = self._source(token + 1)
        taken = whole_formula(unescape(content) if "&" in content else content, display=block, sure=sure)
        if taken is None:
            return None
        tex, display, rest = taken
        # A block stays a block: only what it holds becomes the formula.
        first, after = (token + 1, end) if name in _BLOCKS else (token, end + 1)
        found, _ = self._keep(first, after, tex + rest, display)
        return found, end + 1

    def _leaf_kind(self, token: int) -> tuple[bool, bool]:
        """Whether what such an element holds is TeX even without delimiters, and whether it is displayed."""
        tag = self.data[self.starts[token] : self.ends[token]]
        if tag not in self._leaf_kinds:
            name, source = int(self.names[token]), self._source(token)
            sure = name in _OWN_ELEMENTS or bool(self.math[token] & tags.SURE) or _SURE.search(source) is not None
            self._leaf_kinds[tag] = sure, name in _BLOCKS or _DISPLAY.search(source) is not None
        return self._leaf_kinds[tag]

    def _rendered(self, token: int, stop: int, nesting: int) -> tuple[list[int], int]:
        after = self._end_of(token, stop)
        found = self._take_between(token + 1, after, nesting + 1)
        if self._follows(after, tags.MATH_SCRIPT, tokens=4):
            return self._leave_out(token, after)
        source = self._source(token)
        same = {_SPACE.sub("", self.formulas.tex[number]) for number in found}
        if len(same) == 1 or (found and "mwe-math-element" in source):
            shown = bool(_SHOWN.search(attribute(source, "class") or "")) or attribute(source, "display") == "true"
            self.formulas.display[found[0]] |= shown or any(self.formulas.display[number] for number in found)
            self.number[token], self.until[token] = found[0], after
            return found[:1], after
        if found or "katex" in source:  # what KaTeX draws stays where nothing says it better
            return found, after
        if self._is_output(token, after):
            tex = output_tex(self._drawn(token, after))
            if tex is None:
                return self._leave_out(token, after)
            return self._keep(token, after, tex, bool(_SHOWN.search(source)) or attribute(source, "display") == "true")
        return found, after

    def _drawn(self, token: int, after: int) -> str:
        """The source of an element."""
        return self.data[self.starts[token] : self.ends[after - 1]][:MAX_DRAWN_BYTES].decode("utf-8", "replace")

    def _is_output(self, token: int, after: int) -> bool:
        """Rendered without its TeX; an element that the page's own scripts were still to render keeps its source."""
        text = "".join(self._source(place) for place in range(token, after) if self.kind[place] == TEXT)
        return len(text) < MAX_OUTPUT_CHARS and not looks_like_tex(text)

    def _follows(self, token: int, wanted: int, *, tokens: int) -> bool:
        """Whether the next start tag is one of ``wanted``, with only space and end tags, a few tokens, before it."""
        for place in range(token, min(token + tokens, self.kind.size)):
            if self.kind[place] == START:
                return bool(self.math[place] & wanted)
            if self.kind[place] == TEXT and self._source(place).strip():
                return False
        return False


def take_formulas(data: bytes, tokens: Any, formulas: Formulas, *, mathematics: bool) -> Reading:
    """The formulas of a page's tokens (see `scan`), taken into ``formulas``; none if mathematics is not wanted."""
    kind, names, starts, ends, _, math = tokens
    reading = Reading(data, kind, names, starts, ends, math, formulas)
    if mathematics:
        reading.take()
    return reading
