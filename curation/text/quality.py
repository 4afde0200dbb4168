"""Four published sets of quality rules, one pass over a text: Gopher repetition, Gopher quality, C4, FineWeb quality.

Example: ``quality_rules("en").judge(text)`` is a `Verdict`: ``reason`` is None for a text that stays, and ``text`` is
what C4 left of it; or ``reason``, ``rule``, ``value`` and ``limit`` say which measured value dropped it.

The rule sets are asked in the order of FineWeb, and of each the rules in datatrove's; the first that fails decides.
FineWeb's look at the text that C4 left. Reasons are datatrove's, but Gopher repetition's begin with ``gopher_``, and
what two sets call empty is told apart:

| rule set            | reason                                | value                              | dropped if     |
|---------------------|---------------------------------------|------------------------------------|----------------|
| `gopher_repetition` | `gopher_empty`                        | characters                         | < 1            |
|                     | `gopher_dup_para_frac`                | repeated by all paragraphs         | > 0.3          |
|                     | `gopher_dup_para_char_frac`           | characters of these                | > 0.2          |
|                     | `gopher_dup_line_frac`                | repeated by all lines              | > 0.3          |
|                     | `gopher_dup_line_char_frac`           | characters of these                | > 0.2          |
|                     | `gopher_top_{2,3,4}_gram`             | characters of the most frequent    | > .2, .18, .16 |
|                     | `gopher_duplicated_{5…10}_n_grams`    | characters of repeated ones        | > .15 … .10    |
| `gopher_quality`    | `gopher_short_doc`, `gopher_long_doc` | words that are no punctuation      | < 50, > 100000 |
|                     | `gopher_{below,above}_avg_threshold`  | mean length of these               | < 3, > 10      |
|                     | `gopher_too_many_hashes`              | number signs by words              | > 0.1          |
|                     | `gopher_too_many_ellipsis`            | ellipses by words                  | > 0.1          |
|                     | `gopher_too_many_bullets`             | lines that begin with a bullet     | > 0.9          |
|                     | `gopher_too_many_end_ellipsis`        | lines that end in an ellipsis      | > 0.3          |
|                     | `gopher_below_alpha_threshold`        | words with a letter                | < 0.8          |
|                     | `gopher_enough_stop_words`            | different stop words               | < 2            |
| `c4`                | `lorem_ipsum`, `curly_bracket`        | how many in the line that has them | > 0            |
|                     | `too_few_sentences`                   | sentences that are left            | < 5            |
| `fineweb`           | `fineweb_empty`                       | lines                              | < 1            |
|                     | `line_punct_ratio`                    | lines that end a sentence          | < 0.12         |
|                     | `short_line_ratio`                    | lines of at most 30 characters     | > 0.67         |
|                     | `char_dup_ratio`                      | characters of repeated lines       | > 0.01         |
|                     | `list_ratio`                          | newlines by words                  | > 0.3          |
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from curation.config import nearest, read_settings
from curation.errors import ConfigError
from curation.text.languages import Language, load_language
from curation.text.quality_c4 import C4, Cleaned
from curation.text.quality_rules import Failure, FineWeb, GopherQuality, GopherRepetition
from curation.text.quality_statistics import (
    SHORT_LINE,
    LineStatistics,
    Statistics,
    line_statistics,
    quality_statistics,
)
from curation.text.quality_words import split_words

__all__ = [
    "C4",
    "RULES",
    "FineWeb",
    "GopherQuality",
    "GopherRepetition",
    "QualityRules",
    "Statistics",
    "Verdict",
    "quality_rules",
    "quality_statistics",
    "split_words",
]

_KINDS: dict[str, Any] = {kind.name: kind for kind in (GopherRepetition, GopherQuality, C4, FineWeb)}
RULES = tuple(_KINDS)
"""The rule sets, in the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say of a text.

    Args:
        text: what C4 left of the text; the text itself where it is dropped, or C4 is left out.
        reason: why the text is dropped, None if it stays.
        rule: the rule set of the reason.
        value: what was measured.
        limit: the threshold that it is beyond.
        removed: kind -> how many lines C4 removed.
        curly_bracket: whether C4's rule of curly brackets meets the text, be it asked or not; False where C4 is left
            out, or a text is dropped before.
    """

    text: str
    reason: str | None = None
    rule: str | None = None
    value: float | None = None
    limit: float | None = None
    removed: dict[str, int] = field(default_factory=dict)
    curly_bracket: bool = False


@dataclass(frozen=True, kw_only=True)
class QualityRules:
    """The rule sets for texts of one language; one that is None is left out."""

    language: Language
    gopher_repetition: GopherRepetition | None = field(default_factory=GopherRepetition)
    gopher_quality: GopherQuality | None = field(default_factory=GopherQuality)
    c4: C4 | None = field(default_factory=C4)
    fineweb: FineWeb | None = field(default_factory=FineWeb)

    def judge(self, text: str) -> Verdict:
        """Whether a text stays."""
        short = self.fineweb.short_line_length if self.fineweb else SHORT_LINE
        statistics = None
        if self.gopher_repetition or self.gopher_quality:
            statistics = quality_statistics(text, self.language, short)
            for rule in (self.gopher_repetition, self.gopher_quality):
                failure = rule.failure(statistics) if rule else None
                if failure:
                    return _dropped(text, failure)
        cleaned = self.c4.clean(text, self.language) if self.c4 else Cleaned(text)
        failure = cleaned.failure or self._fails_fineweb(text, cleaned, statistics, short)
        if failure:
            return _dropped(text, failure, cleaned)
        return Verdict(cleaned.text, removed=cleaned.removed, curly_bracket=cleaned.curly_bracket)

    def _fails_fineweb(self, text: str, cleaned: Cleaned, of_all: Statistics | None, short: int) -> Failure | None:
        if self.fineweb is None:
            return None
        lines: LineStatistics | Statistics
        if of_all is not None and cleaned.text == text:
            lines = of_all
        elif of_all is None or cleaned.citations:
            lines = line_statistics(cleaned.text, self.language, short)
        else:
            # Each line that was removed has at most as many words as characters: with the fewest words that there can
            # be, the rule of newlines by words passes almost any text, and its words need no counting.
            fewest = int(of_all.words) - cleaned.removed_characters if cleaned.removed else int(of_all.words)
            lines = line_statistics(cleaned.text, self.language, short, words=max(fewest, 0))
            failure = self.fineweb.failure(lines)
            if failure is None or failure.reason != "list_ratio" or not cleaned.removed:
                return failure
            lines = line_statistics(cleaned.text, self.language, short)
        return self.fineweb.failure(lines)


def quality_rules(
    language: str | Language, rules: Iterable[str] = RULES, thresholds: Mapping[str, Any] | None = None
) -> QualityRules:
    """The rule sets for a language: published thresholds, those of the language above them, and given ones on top.

    Args:
        language: a code or path, see `load_language`.
        rules: names of `RULES`, at least one; always asked in that order.
        thresholds: threshold -> value, None for none; the names of all rule sets are different. A whole float is an int
            where one is expected.

    Raises:
        ConfigError: for a language without entry, no or an unknown rule set, an unknown threshold, a value of the wrong
            type or that is not a number, or a threshold of a rule set that is left out.
    """
    entry = load_language(language) if isinstance(language, str) else language
    asked = tuple(rules)
    if not asked:
        raise ConfigError(f"rules: no rule set is asked, so nothing would be dropped; there are {', '.join(RULES)}")
    for name in asked:
        if name not in RULES:
            raise ConfigError(f"rules: no rule set {name!r} ({nearest(name, list(RULES))})")
    origin = language if isinstance(language, str) else language.codes[0]
    values = _checked(entry.thresholds, RULES, f"language {origin}: thresholds")
    values |= _checked(thresholds or {}, asked, "thresholds")
    return QualityRules(
        language=entry, **{name: _rule(name, values, "thresholds") if name in asked else None for name in RULES}
    )


def _rule(name: str, values: Mapping[str, Any], origin: str) -> Any:
    mine = {key: value for key, value in values.items() if key in _thresholds(name)}
    return read_settings(_KINDS[name], mine, origin)


def _thresholds(name: str) -> list[str]:
    return [one.name for one in dataclasses.fields(_KINDS[name])]


def _checked(values: Mapping[str, Any], asked: tuple[str, ...], origin: str) -> dict[str, Any]:
    """Thresholds of one origin, which errors name; whole floats are ints where these are expected."""
    owners = {key: name for name in RULES for key in _thresholds(name)}
    found: dict[str, Any] = {}
    for key, value in values.items():
        if key not in owners:
            raise ConfigError(f"{origin}: unknown threshold {key!r} ({nearest(key, list(owners))})")
        if owners[key] not in asked:
            raise ConfigError(f"{origin}: {key!r} is of the rule set {owners[key]}, which is left out")
        if isinstance(value, float) and math.isnan(value):
            raise ConfigError(f"{origin}: {key}: nan is below and above nothing; null leaves a rule out")
        found[key] = int(value) if _is_whole(value) and _expects_int(owners[key], key) else value
    for name in RULES:
        _rule(name, found, origin)
    return found


def _is_whole(value: Any) -> bool:
    return isinstance(value, float) and value.is_integer()


def _expects_int(name: str, threshold: str) -> bool:
    return get_type_hints(_KINDS[name])[threshold] in (int, int | None)


def _dropped(text: str, failure: Failure, cleaned: Cleaned | None = None) -> Verdict:
    curly = cleaned is not None and cleaned.curly_bracket
    return Verdict(text, failure.reason, failure.rule, float(failure.value), float(failure.limit), curly_bracket=curly)
