"""Keeping what the quality rules of Gopher, C4 and FineWeb let pass, in one step.

Example: ``KeepQuality(language="en", thresholds={"min_doc_words": 30}, curly_bracket="mark")``.

The rules, their published thresholds and their reasons stand in `curation.text.quality`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import pyarrow as pa
from datatrove.data import Document

from curation.blocks.step import Documents, Select
from curation.content import absolute_location
from curation.errors import ConfigError
from curation.text.quality import RULES, QualityRules, quality_rules

HAS_CURLY_BRACKET = "has_curly_bracket"


@dataclass(kw_only=True, repr=False)
class KeepQuality(Select):
    """Drop texts by four published rule sets; the removed file has the measured value beside the threshold.

    This select step changes what it keeps, as the published rules do: C4's remove single lines (of fewer than three
    words, about cookies, with citations cut out), and FineWeb's judge what is left. Were the lines cleaned by a step of
    their own, a text would be split twice, and a text that C4 drops would be shown without what it was dropped for. So
    the text changes for documents that stay, and dropped ones are written as they came. Lines that were removed from
    documents that stay are counted by kind (``lines_too_few_words``, …).

    Args:
        language: a code such as ``en``, or the path of an entry of one's own, see `curation.text.languages`.
        rules: rule sets that are asked, at least one: ``gopher_repetition``, ``gopher_quality``, ``c4``, ``fineweb``.
        thresholds: threshold -> value, above those of the language; null for none.
        curly_bracket: what becomes of a text that C4 drops for a curly bracket: ``drop``, ``keep``, or ``mark``, which
            keeps it and adds the column ``has_curly_bracket``. FineMath got such pages back: formulas have brackets.
        clean_lines: whether the text of documents that stay is what C4 left of it; FineWeb's rules judge that anyway.
    """

    version: ClassVar[int] = 1
    evidence: ClassVar[dict[str, pa.DataType]] = {"rule": pa.string(), "value": pa.float64(), "limit": pa.float64()}

    language: str = "en"
    rules: tuple[str, ...] = RULES
    thresholds: dict[str, Any] = field(default_factory=dict)
    curly_bracket: Literal["drop", "keep", "mark"] = "drop"
    clean_lines: bool = True

    def __post_init__(self) -> None:
        if _is_own(self.language):
            self.language = absolute_location(self.language)
        self._removed: Counter[str] = Counter()
        self._asked: QualityRules | None = None
        super().__post_init__()

    def inputs(self) -> list[str]:
        """The language's entry, if it is one's own."""
        return [self.language] if _is_own(self.language) else []

    def check(self) -> None:
        """The language must have an entry, and the rules and thresholds must be known."""
        self._quality()

    def schema(self, columns: dict[str, pa.DataType]) -> dict[str, pa.DataType]:
        """With the mark of curly brackets, if they are marked."""
        added = {HAS_CURLY_BRACKET: pa.bool_()} if self.curly_bracket == "mark" else {}
        return super().schema(columns) | added

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Give the documents that stay."""
        self._removed, self._asked = Counter(), self._quality()
        yield from super().run(data, rank, world_size)
        self._asked = None
        for kind, number in sorted(self._removed.items()):
            self.count(f"lines_{kind}", number)

    def reason(self, doc: Document) -> str | None:
        """By the first rule that fails."""
        verdict = (self._asked or self._quality()).judge(doc.text)
        if verdict.reason is not None:
            doc.metadata |= {"rule": verdict.rule, "value": verdict.value, "limit": verdict.limit}
            return verdict.reason
        if self.curly_bracket == "mark":
            doc.metadata[HAS_CURLY_BRACKET] = verdict.curly_bracket
        if self.clean_lines:
            doc.text = verdict.text
            self._removed.update(verdict.removed)
        return None

    def _quality(self) -> QualityRules:
        if self.curly_bracket not in ("drop", "keep", "mark"):
            raise ConfigError(f"curly_bracket: {self.curly_bracket!r} is not one of drop, keep, mark")
        if "curly_bracket" in self.thresholds:
            raise ConfigError("thresholds: curly_bracket is a setting of its own: drop, keep or mark")
        for name, value in self.thresholds.items():
            if not isinstance(value, int | float | None):
                raise ConfigError(f"thresholds: {name}: expected a number, true, false or null, got {value!r}")
        drop = {} if self.curly_bracket == "drop" or "c4" not in self.rules else {"curly_bracket": False}
        rules = quality_rules(self.language, self.rules, self.thresholds | drop)
        if "curly_bracket" in rules.language.thresholds:
            raise ConfigError(f"language {self.language}: thresholds: curly_bracket is a setting of its own")
        return rules


def _is_own(language: str) -> bool:
    return "/" in language or language.endswith(".yaml")
