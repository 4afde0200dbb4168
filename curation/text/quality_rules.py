"""The rule sets Gopher repetition, Gopher quality and FineWeb quality: thresholds of statistics, as published.

Example: ``GopherQuality().failure(quality_statistics("Too short.", load_language("en")))`` is
``Failure(rule="gopher_quality", reason="gopher_short_doc", value=2.0, limit=50.0)``.

Sources: Gopher, arXiv 2112.11446, section A.1.1 and table A1; FineWeb, arXiv 2406.17557. Where a paper leaves something
open (which comparisons are strict, what divides), datatrove's filters of the same names decide, in their order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from curation.text.quality_statistics import SHORT_LINE, LineStatistics, Statistics


class Failure(NamedTuple):
    """Why a text is dropped.

    Args:
        rule: the rule set, such as ``gopher_repetition``.
        reason: unique among all rule sets.
        value: the statistic's value.
        limit: the threshold that it is beyond.
    """

    rule: str
    reason: str
    value: float
    limit: float


class Check(NamedTuple):
    """One threshold: the field that holds it, the statistic, and whether that must be at least or at most so much."""

    reason: str
    statistic: str
    threshold: str
    least: bool = False


class _Checked:
    """What the three rule sets share: the first check that fails."""

    name: ClassVar[str]
    checks: ClassVar[tuple[Check, ...]]

    def failure(self, statistics: Statistics | LineStatistics) -> Failure | None:
        """The first reason to drop the text of these statistics, None if it may stay; a limit of None is no check."""
        for reason, statistic, threshold, least in self.checks:
            limit = getattr(self, threshold)
            if limit is None:
                continue
            value = getattr(statistics, statistic)
            if value < limit if least else value > limit:
                return Failure(self.name, reason, value, float(limit))
        return None


@dataclass(frozen=True, kw_only=True)
class GopherRepetition(_Checked):
    """At most so much of a text may repeat; shares of its characters or pieces, see `Statistics`."""

    name: ClassVar[str] = "gopher_repetition"

    dup_para_frac: float | None = 0.3
    dup_para_char_frac: float | None = 0.2
    dup_line_frac: float | None = 0.3
    dup_line_char_frac: float | None = 0.2
    top_2_gram: float | None = 0.2
    top_3_gram: float | None = 0.18
    top_4_gram: float | None = 0.16
    duplicated_5_n_grams: float | None = 0.15
    duplicated_6_n_grams: float | None = 0.14
    duplicated_7_n_grams: float | None = 0.13
    duplicated_8_n_grams: float | None = 0.12
    duplicated_9_n_grams: float | None = 0.11
    duplicated_10_n_grams: float | None = 0.1
    min_characters: int | None = 1
    """A text without a character is dropped as ``gopher_empty``."""

    checks: ClassVar[tuple[Check, ...]] = (
        Check("gopher_empty", "characters", "min_characters", least=True),
        Check("gopher_dup_para_frac", "dup_para_frac", "dup_para_frac"),
        Check("gopher_dup_para_char_frac", "dup_para_char_frac", "dup_para_char_frac"),
        Check("gopher_dup_line_frac", "dup_line_frac", "dup_line_frac"),
        Check("gopher_dup_line_char_frac", "dup_line_char_frac", "dup_line_char_frac"),
        *(Check(f"gopher_top_{n}_gram", f"top_{n}_gram", f"top_{n}_gram") for n in (2, 3, 4)),
        *(
            Check(f"gopher_duplicated_{n}_n_grams", f"duplicated_{n}_n_grams", f"duplicated_{n}_n_grams")
            for n in range(5, 11)
        ),
    )


@dataclass(frozen=True, kw_only=True)
class GopherQuality(_Checked):
    """A text must look like prose.

    Args:
        min_doc_words: words that are not only punctuation.
        max_doc_words: of the same.
        min_avg_word_length: characters of these.
        max_avg_word_length: of the same.
        max_symbol_word_ratio: number signs by words, and ellipses by words.
        max_bullet_lines_ratio: lines that begin with a bullet or hyphen.
        max_ellipsis_lines_ratio: lines that end in an ellipsis.
        min_alpha_words_ratio: words with a letter; datatrove calls it ``max_non_alpha_words_ratio``.
        min_stop_words: different stop words.
    """

    name: ClassVar[str] = "gopher_quality"

    min_doc_words: int | None = 50
    max_doc_words: int | None = 100_000
    min_avg_word_length: float | None = 3
    max_avg_word_length: float | None = 10
    max_symbol_word_ratio: float | None = 0.1
    max_bullet_lines_ratio: float | None = 0.9
    max_ellipsis_lines_ratio: float | None = 0.3
    min_alpha_words_ratio: float | None = 0.8
    min_stop_words: int | None = 2

    checks: ClassVar[tuple[Check, ...]] = (
        Check("gopher_short_doc", "text_words", "min_doc_words", least=True),
        Check("gopher_long_doc", "text_words", "max_doc_words"),
        Check("gopher_below_avg_threshold", "mean_word_length", "min_avg_word_length", least=True),
        Check("gopher_above_avg_threshold", "mean_word_length", "max_avg_word_length"),
        Check("gopher_too_many_hashes", "hashes_per_word", "max_symbol_word_ratio"),
        Check("gopher_too_many_ellipsis", "ellipses_per_word", "max_symbol_word_ratio"),
        Check("gopher_too_many_bullets", "bullet_lines", "max_bullet_lines_ratio"),
        Check("gopher_too_many_end_ellipsis", "ellipsis_lines", "max_ellipsis_lines_ratio"),
        Check("gopher_below_alpha_threshold", "alpha_words", "min_alpha_words_ratio", least=True),
        Check("gopher_enough_stop_words", "stop_words", "min_stop_words", least=True),
    )


@dataclass(frozen=True, kw_only=True)
class FineWeb(_Checked):
    """A text must not be a list or a menu.

    Args:
        line_punct_thr: share of lines that end a sentence; at least.
        short_line_thr: share of lines of at most ``short_line_length`` characters; at most.
        short_line_length: characters of a short line.
        char_duplicates_ratio: characters of lines that stand earlier; at most. The paper says 0.1, the code that made
            the dataset 0.01, which holds here.
        new_line_ratio: newlines by words; at most.
        min_lines: a text without a line is dropped as ``fineweb_empty``.
    """

    name: ClassVar[str] = "fineweb"

    line_punct_thr: float | None = 0.12
    short_line_thr: float | None = 0.67
    short_line_length: int = SHORT_LINE
    char_duplicates_ratio: float | None = 0.01
    new_line_ratio: float | None = 0.3
    min_lines: int | None = 1

    checks: ClassVar[tuple[Check, ...]] = (
        Check("fineweb_empty", "lines", "min_lines", least=True),
        Check("line_punct_ratio", "line_punct_ratio", "line_punct_thr", least=True),
        Check("short_line_ratio", "short_line_ratio", "short_line_thr"),
        Check("char_dup_ratio", "char_dup_ratio", "char_duplicates_ratio"),
        Check("list_ratio", "list_ratio", "new_line_ratio"),
    )
