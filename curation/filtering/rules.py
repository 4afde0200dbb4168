"""Which threshold a document has: what flags say, else the recipe, else the table of programming languages.

    flags = Flags(threshold_of={"cpp": 2}, cut="published")
    rules = make_rules(flags, Defaults(threshold=3), Languages(["C++", "Java"], is_code=True))
    print(rules.groups)        # ('C++', 'Java')
    print(rules.rules[0])      # Rule(column='int_score', least=2.0, share=None)

``3`` means ``int_score >= 3`` and ``2.7`` means ``score >= 2.7``; with the calibrated cut both are of
``calibrated_score``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from curation.blocks.select import Cut, KeepScore, column_of
from curation.errors import ConfigError
from curation.filtering.languages import Languages
from curation.recipe import Recipe
from curation.text.licences import licence_names

ALL = "all"
"""The one group of documents without a column ``language``."""

_PUBLISHED_THRESHOLD = 3.0  # of Stack-Edu, for a language that the table has not


@dataclass(frozen=True, kw_only=True)
class Flags:
    """What is asked for; names of languages as the user writes them.

    Args:
        threshold: for every language that has none of its own.
        threshold_of: language -> threshold.
        keep_share: share of the documents, the best by ``score``, over all languages that have no rule of their own.
        keep_share_of: language -> share.
        languages: only these; none for all.
        cut: as of `KeepScore`; None for the recipe's.
        min_tokens: as of `KeepWhere`.
        licences: as of `KeepWhere`.
        licences_excluded: as of `KeepWhere`.
    """

    threshold: float | None = None
    threshold_of: Mapping[str, float] = field(default_factory=dict)
    keep_share: float | None = None
    keep_share_of: Mapping[str, float] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    cut: Cut | None = None
    min_tokens: int | None = None
    licences: tuple[str, ...] = ()
    licences_excluded: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.threshold is not None and self.keep_share is not None:
            raise ConfigError("a threshold and a share to keep, both for all: choose one")
        for name, least in {"": self.threshold, **self.threshold_of}.items():
            if least is not None and not isfinite(least):  # NaN would drop all without a word
                raise ConfigError(f"threshold{f' of {name}' if name else ''}: expected a number, got {least:g}")
        shares = {"": self.keep_share, **self.keep_share_of}
        for name, share in shares.items():
            if share is not None and not 0 < share < 1:
                where = f" of {name}" if name else ""
                raise ConfigError(f"share to keep{where}: expected more than 0 and less than 1, got {share:g}")
        if self.cut == "calibrated" and any(share is not None for share in shares.values()):
            raise ConfigError("cut: calibrated: a share to keep cuts the raw score")
        if self.min_tokens is not None and self.min_tokens < 1:
            raise ConfigError(f"least number of tokens: expected 1 or more, got {self.min_tokens}")
        licence_names((*self.licences, *self.licences_excluded))  # names what is neither a group nor a licence

    @property
    def named(self) -> bool:
        """Whether a language is named."""
        return bool(self.languages or self.threshold_of or self.keep_share_of)


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a recipe says of what flags do not.

    Args:
        recipe: its name.
        threshold: as of `KeepScore`; None where nothing says.
        threshold_of: as of `KeepScore`.
        by_language: whether languages have thresholds of their own.
        cut: as of `KeepScore`.
        table: a file with further programming languages.
    """

    recipe: str | None = None
    threshold: float | None = None
    threshold_of: Mapping[str, float] = field(default_factory=dict)
    by_language: bool = False
    cut: Cut = "published"
    table: str = ""


@dataclass(frozen=True)
class Rule:
    """``column >= least``; with ``share``, ``least`` is the score that keeps this share."""

    column: str
    least: float
    share: float | None = None


@dataclass(kw_only=True)
class Rules:
    """The groups that documents are counted in, each with its rule.

    Args:
        groups: languages, or `ALL`.
        rules: of each group; of one with a share, ``least`` is NaN until the scores have been seen.
        number_of: value of the column ``language`` -> number of its group; others are not asked for.
        pooled: numbers of the groups that share one share.
        notes: what the user should know.
    """

    groups: tuple[str, ...]
    rules: list[Rule]
    number_of: dict[str | None, int]
    pooled: tuple[int, ...] = ()
    notes: list[str] = field(default_factory=list)


def defaults_of(recipe: Recipe) -> Defaults:
    """What a recipe's own selection says.

    Raises:
        ConfigError: if it selects by no score.
    """
    steps = [step for stage in recipe.stages for step in stage.steps]
    keeps = [step for step in steps if isinstance(step, KeepScore)]
    if not keeps:
        raise ConfigError(f"recipe {recipe.name}: no step KeepScore, so it has no threshold")
    tables = (getattr(step, "languages", "") for step in steps)
    keep = keeps[-1]
    return Defaults(
        recipe=recipe.name,
        threshold=keep.threshold,
        threshold_of=keep.threshold_of if keep.by == "language" else {},
        by_language=keep.by == "language",
        cut=keep.cut,
        table=next((one for one in tables if isinstance(one, str) and one), ""),
    )


def make_rules(flags: Flags, defaults: Defaults, languages: Languages | None) -> Rules:
    """Each group's rule.

    Args:
        flags: what is asked for.
        defaults: what is said of the rest.
        languages: those of the input; None where it has no column ``language``.

    Raises:
        ConfigError: for an unknown language, one with two rules, or one that nothing says a threshold of.
    """
    cut = flags.cut or defaults.cut
    if languages is None:
        if flags.named:
            raise ConfigError("a language is named, but the input has no column 'language'")
        chosen = _rule(ALL, {}, flags, defaults, None, cut)
        return Rules(
            groups=(ALL,), rules=[chosen], number_of={None: 0}, pooled=(0,) if chosen.share is not None else ()
        )
    own = _own_rules(flags, languages, cut)
    only = list(dict.fromkeys(languages.asked(one) for one in flags.languages))
    groups = tuple(one for one in languages.present if not only or one in only)
    rules = [_rule(one, own, flags, defaults, languages, cut) for one in groups]
    numbers = {value: groups.index(name) for value, name in languages.name_of.items() if name in groups}
    pooled = tuple(n for n, rule in enumerate(rules) if rule.share is not None and groups[n] not in own)
    missing = [one for one in dict.fromkeys([*only, *own]) if one not in languages.present]
    notes = [f"the input has no {', '.join(missing)}"] if missing else []
    if idle := [one for one in own if only and one not in only]:
        notes.append(f"not asked for, so its threshold has no effect: {', '.join(idle)}")
    return Rules(groups=groups, rules=rules, number_of=numbers, pooled=pooled, notes=notes)


def _own_rules(flags: Flags, languages: Languages, cut: Cut) -> dict[str, Rule]:
    """Language -> the rule that a flag gives it by name."""
    given: list[tuple[str, Rule]] = [(name, _compare(least, cut)) for name, least in flags.threshold_of.items()]
    given += [(name, Rule("score", float("nan"), share)) for name, share in flags.keep_share_of.items()]
    own: dict[str, Rule] = {}
    for name, rule in given:
        language = languages.asked(name)
        if language in own:
            raise ConfigError(f"{name}: two rules for {language}; give one threshold or one share")
        own[language] = rule
    return own


def _rule(
    group: str, own: Mapping[str, Rule], flags: Flags, defaults: Defaults, languages: Languages | None, cut: Cut
) -> Rule:
    if group in own:
        return own[group]
    if flags.keep_share is not None:
        return Rule("score", float("nan"), flags.keep_share)
    if flags.threshold is not None:
        return _compare(flags.threshold, cut)
    if defaults.threshold is not None:
        return _compare(defaults.threshold_of.get(group, defaults.threshold), cut)
    if languages is not None and languages.is_code:
        entry = languages.entry(group)
        return _compare(entry.threshold if entry else _PUBLISHED_THRESHOLD, cut)
    raise ConfigError("say where to cut: a threshold, a target or a share to keep" + _for(group))


def _for(group: str) -> str:
    return "" if group == ALL else f" (nothing says it of {group})"


def _compare(least: float, cut: Cut) -> Rule:
    return Rule(column_of(least, cut), float(least))


def plain_flags(flags: Flags) -> dict[str, Any]:
    """What was asked for, without what was not."""
    found = {name: getattr(flags, name) for name in flags.__dataclass_fields__}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items() if v not in (None, {}, ())}
