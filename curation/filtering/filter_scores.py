"""Another threshold in seconds: what it keeps of a scored corpus, from the scores alone; written only if asked.

    print(filter_scores("out", recipe="stack_edu", languages=["python"], threshold=3))
    filter_scores("out", recipe="stack_edu", threshold_of={"java": 2}, output="kept", with_text=True)

No classifier is loaded. A few columns are streamed from the stage ``scores`` (some bytes a document); texts are read
only for rows that are kept, and only if they are asked for.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from curation.blocks.select import Cut
from curation.content import find_content, resolve_location
from curation.errors import ConfigError
from curation.filtering.output import KeptFiles
from curation.filtering.passing import Filtering
from curation.filtering.report import FilterReport
from curation.filtering.rules import Defaults, Flags, defaults_of
from curation.filtering.source import ScoredFiles, Texts, find_scores
from curation.folder import Folder
from curation.recipe import load_recipe

__all__ = ["FilterReport", "filter_scores", "rules_of"]

_OF = "thresholds."  # settings of run.json are flat: thresholds.Java


def filter_scores(
    input: str,
    *,
    recipe: str | None = None,
    config: str | None = None,
    threshold: float | None = None,
    threshold_of: Mapping[str, float] | None = None,
    keep_share: float | None = None,
    keep_share_of: Mapping[str, float] | None = None,
    languages: Sequence[str] = (),
    cut: Cut | None = None,
    min_tokens: int | None = None,
    licences: Sequence[str] = (),
    licences_excluded: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    output: str | None = None,
    with_text: bool = False,
) -> FilterReport:
    """Count what flags keep of scored documents and, with an output, write it.

    Args:
        input: a run's folder (its stage ``scores``, else ``score``, else its last), a stage's folder, or parquet files.
        recipe: whose thresholds hold for what no flag names, and whose cut; a shipped name or a file. Of a run of this
            recipe its own table of languages and its own thresholds hold.
        config: a set of values of the recipe, which holds in place of the run's.
        threshold: 3 means ``int_score >= 3``, 2.7 means ``score >= 2.7``, for every language without one of its own.
        threshold_of: language -> threshold; any of its names in any case.
        keep_share: in place of a threshold: the score from which on this share of the documents that the other flags
            leave stays, exactly, over all languages without a rule of their own (more where several have that score).
        keep_share_of: language -> share.
        languages: only these count; others are neither kept nor dropped.
        cut: ``calibrated`` compares ``calibrated_score``, ``raw`` ``score``; by default the recipe's, or ``published``.
        min_tokens: the least ``token_count``.
        licences: groups (permissive, no_license, non_permissive or other) or SPDX ids, see `KeepWhere`.
        licences_excluded: likewise.
        columns: our column -> the input's column.
        output: a folder that is empty or was written by this function: it gets a folder of parquet files for each
            language, under the published configuration's name, and ``filter.json``.
        with_text: write texts, too, which are found by their place in the stage ``score``.

    Raises:
        ConfigError: before anything is written, if the input has no scores or lacks what a flag is about, a language
            is unknown, flags contradict each other, or the output holds something else.
        CurationError: if a file cannot be read, or texts do not belong to the scores.
    """
    begun = time.perf_counter()
    flags = Flags(
        threshold=threshold,
        threshold_of=dict(threshold_of or {}),
        keep_share=keep_share,
        keep_share_of=dict(keep_share_of or {}),
        languages=tuple(languages),
        cut=cut,
        min_tokens=min_tokens,
        licences=tuple(licences),
        licences_excluded=tuple(licences_excluded),
    )
    if with_text and output is None:
        raise ConfigError("texts are written with the rows that are kept: name an output")
    defaults = Defaults()
    any_threshold = threshold is not None or bool(threshold_of)
    if recipe is not None:
        defaults = defaults_of(
            load_recipe(recipe, config, values={} if config else _of_run(input, recipe, not any_threshold))
        )
    source = find_scores(input, columns, with_text)
    work = Filtering(source, flags, defaults)
    work.choose_shares()
    files: tuple[str, ...] = ()
    if output is None:
        for _ in work.kept():
            pass
    else:
        files = _write(work, Folder(resolve_location(output)), with_text)
    return replace(
        work.report(),
        output=None if output is None else resolve_location(output),
        files=files,
        seconds=time.perf_counter() - begun,
    )


def rules_of(input: str, flags: Flags, columns: Mapping[str, str] | None = None) -> dict[str | None, tuple[str, float]]:
    """For each value of the column ``language`` of scored parquet the column that is compared, and the least of it.

    Args:
        input: as of `filter_scores`.
        flags: what is asked for; languages that are not asked for are not there.
        columns: our column -> the input's column.
    """
    work = Filtering(find_scores(input, columns), flags, Defaults())
    work.choose_shares()
    rules = work.rules.rules
    return {value: (rules[n].column, rules[n].least) for value, n in work.rules.number_of.items()}


def _of_run(input: str, recipe: str, with_cut: bool) -> dict[str, Any]:
    """What a run of the recipe was told of languages, thresholds and, for a look at them, the cut.

    With thresholds of one's own ``3`` means ``int_score >= 3``, whatever the run compared. Nothing of another input.
    """
    location = resolve_location(input).rstrip("/")
    places = (location, location.rpartition("/")[0])  # a run's folder, or a stage's
    record = next((found for found in (Folder(one).read_json("run.json") for one in places if one) if found), None)
    if record is None or record.get("recipe") != find_content("pipelines", recipe).stem:
        return {}
    told = record.get("settings", {})
    thresholds = {k.removeprefix(_OF): v for k, v in told.items() if k.startswith(_OF)}
    table = {name: told[name] for name in ("language_table",) if told.get(name)}
    cuts = {
        key.removesuffix(".cut"): {"cut": value}
        for key, value in told.items()
        if key.count(".") == 1 and key.endswith(".cut")
    }
    return table | ({_OF[:-1]: thresholds} if thresholds else {}) | (cuts if with_cut else {})


def _write(work: Filtering, output: Folder, with_text: bool) -> tuple[str, ...]:
    """Write what is kept; returns the names of the files."""
    with contextlib.ExitStack() as stack:
        kept_files = stack.enter_context(KeptFiles(output, work.columns, with_text))
        opened = _OpenTexts(work.source, stack)
        further = [name for name in kept_files.columns if name != "text"]
        for kept in work.kept(further, with_text):
            assert kept.batch is not None
            table = pa.Table.from_batches([kept.batch])
            if with_text:
                table = table.append_column("text", opened.of(kept.file).take(kept.rows))
            for number in np.unique(kept.groups).tolist():
                kept_files.write(_folder(work, number), table.filter(pa.array(kept.groups == number)))
    kept_files.finish(work.report().as_dict(with_effort=False))
    return tuple(sorted(kept_files.files))


def _folder(work: Filtering, number: int) -> str:
    return work.languages.folder_of(work.rules.groups[number]) if work.languages else "data"


class _OpenTexts:
    """The texts of the file that is being read."""

    def __init__(self, source: ScoredFiles, stack: contextlib.ExitStack) -> None:
        self._source = source
        self._own = stack.enter_context(contextlib.ExitStack())
        self._file = ""
        self._texts: Texts | None = None

    def of(self, file: str) -> Texts:
        """Those of a file; the one before is closed."""
        if self._texts is None or file != self._file:
            self._own.close()
            self._file, self._texts = file, self._own.enter_context(self._source.texts_of(file))
        return self._texts
