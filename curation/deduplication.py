"""Near-duplicates without a recipe file, and the stages that a recipe makes of the same settings.

    dedup("pages/*.parquet", output="unique")
    dedup("pages/*.parquet", output="unique", settings=Dedup(threshold=0.8, keep=("highest:stars",)), against="before")

Of documents that are found similar one stays by a rule, and every other is in ``{output}/dedup/removed`` with the id of
the one that is kept for it and their similarity. See `curation.blocks.dedup` for what the stages do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from curation.blocks.dedup import Signatures
from curation.blocks.dedup_drop import DropDuplicates
from curation.blocks.dedup_pairs import FindPairs, JoinPairs
from curation.blocks.dedup_shingles import CollectShingles
from curation.blocks.dedup_verify import Measure, VerifyPairs
from curation.blocks.extract import ExtractText
from curation.blocks.keeping import check_columns, keep_rules
from curation.blocks.read import ARCHIVES, KINDS, columns_of
from curation.blocks.tables import are_tables
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import list_inputs
from curation.recipe import Removed, Stage, folder_of
from curation.running import RunReport, run_stages
from curation.stage_runner import Progress
from curation.text.minhash import MinHash

_MOST_PARTS = 512


@dataclass(frozen=True, kw_only=True)
class Dedup:
    """What counts as a near-duplicate, and which of them stays.

    Args:
        ngram: words (or characters) in a shingle.
        bands: groups of hashes; two documents are candidates if one group is equal.
        rows: hashes in a group.
        seed: of the permutations.
        shingles: of ``words`` or of ``characters``.
        normalisation: ``keep_mathematics`` keeps numbers, TeX commands and operators; ``words`` keeps words and
            numbers; ``datatrove`` turns numbers to 0 and drops punctuation, as FineWeb.
        threshold: lowest exact similarity of a duplicate to the document that is kept for it; None removes whole
            clusters unverified, as published for FineMath and FineWeb.
        measure: that similarity: ``jaccard``, or ``containment`` of the document that goes in the one that stays.
        keep: rules that say which stays, the first that tells two apart decides: ``best`` (highest score, then
            longest), ``longest``, ``first``, ``stars``, ``earliest``, ``permissive``, or ``highest:COLUMN``,
            ``lowest:COLUMN``, ``permissive:COLUMN``.
        parts: into how many parts clusters are dealt; memory is that of one part for each worker.
        splits: parts of a band, likewise.
        within: a column, such as ``crawl`` or ``language``: documents of different values are never duplicates of each
            other. FineWeb took each crawl on its own, since over all crawls the result was worse.
    """

    ngram: int = 5
    bands: int = 14
    rows: int = 8
    seed: int = 1
    shingles: Literal["words", "characters"] = "words"
    normalisation: Literal["keep_mathematics", "words", "datatrove"] = "keep_mathematics"
    threshold: float | None = None
    measure: Measure = "jaccard"
    keep: tuple[str, ...] = ("best",)
    parts: int = 8
    splits: int = 1
    within: str | None = None

    def __post_init__(self) -> None:
        for key in ("ngram", "bands", "rows", "parts", "splits"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key}: expected at least 1, got {getattr(self, key)}")
        if self.parts > _MOST_PARTS:
            raise ValueError(f"parts: expected at most {_MOST_PARTS}, got {self.parts}: a task opens a file for each")
        if self.seed < 0:
            raise ValueError(f"seed: expected 0 or more, got {self.seed}")
        if self.measure not in get_args(Measure):
            raise ValueError(f"measure: expected one of {get_args(Measure)}, got {self.measure!r}")
        if self.threshold is not None and not 0 < self.threshold <= 1:
            raise ValueError(f"threshold: expected more than 0 and at most 1, got {self.threshold}")
        try:
            keep_rules(self.keep)
        except ConfigError as error:
            raise ValueError(str(error)) from error
        _ = self.minhash  # says what is wrong with the rest

    @property
    def minhash(self) -> MinHash:
        """How texts become signatures."""
        return MinHash(
            ngram=self.ngram,
            bands=self.bands,
            rows=self.rows,
            seed=self.seed,
            shingles=self.shingles,
            normalisation=self.normalisation,
        )


def dedup_stages(
    settings: Dedup,
    reads: str | tuple[str, ...],
    *,
    name: str = "dedup",
    against: Mapping[str, str | tuple[str, ...]] | None = None,
    removed: Removed = "full",
) -> list[Stage]:
    """The stages ``{name}_signatures``, …, ``{name}``; what is left is read from the last.

    Args:
        settings: what counts as a duplicate.
        reads: as of `Stage`.
        name: of the last stage.
        against: earlier datasets, name -> as of ``reads``; what is similar to one of their documents is dropped, they
            stay as they are.
        removed: as of `Stage`.
    """
    minhash, rules = settings.minhash, keep_rules(settings.keep)
    sources = {"": reads} | {f"_against{n}": one for n, one in enumerate((against or {}).values())}
    signatures = tuple(folder_of(f"{name}_signatures{suffix}", "data") for suffix in sources)
    clusters = folder_of(f"{name}_clusters", "data")
    collect = [
        CollectShingles(
            clusters=clusters,
            signatures=signatures,
            parts=settings.parts,
            minhash=minhash,
            source=number,
            keep=rules,
        )
        for number in range(len(sources))
    ]
    return [
        *(
            Stage(
                name=f"{name}_signatures{suffix}",
                reads=source,
                steps=[Signatures(minhash=minhash, within=settings.within)],
            )
            for suffix, source in sources.items()
        ),
        Stage(
            name=f"{name}_pairs",
            reads=f"{name}_signatures",
            steps=[FindPairs(signatures=signatures, bands=settings.bands, splits=settings.splits)],
            parts=(settings.bands + 1) * settings.splits,
        ),
        Stage(
            name=f"{name}_clusters",
            reads=f"{name}_pairs",
            steps=[JoinPairs(signatures=signatures, pairs=folder_of(f"{name}_pairs", "data"), parts=settings.parts)],
            gather=True,
        ),
        *(
            Stage(name=f"{name}_shingles{suffix}", reads=source, steps=[step])
            for (suffix, source), step in zip(sources.items(), collect, strict=True)
        ),
        Stage(
            name=f"{name}_verified",
            reads=f"{name}_shingles",
            steps=[
                VerifyPairs(
                    members=tuple(folder_of(f"{name}_shingles{suffix}", "data") for suffix in sources),
                    clusters=clusters,
                    signatures=signatures,
                    threshold=settings.threshold,
                    measure=settings.measure,
                    earlier=tuple(against or ()),
                )
            ],
            parts=settings.parts,
        ),
        Stage(
            name=name,
            reads=reads,
            steps=[DropDuplicates(removals=folder_of(f"{name}_verified", "data"), signatures=signatures)],
            removed=removed,
        ),
    ]


def dedup(
    input: str,
    *,
    output: str,
    settings: Dedup | None = None,
    against: str | Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    removed: Removed = "full",
    redo: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> RunReport:
    """Drop exact and near-duplicates; what stays stands in ``{output}/dedup/data``, the others in ``removed``.

    Args:
        input: documents: parquet, JSON lines, CSV or archives.
        output: a folder.
        settings: what counts as a duplicate; FineWeb's 14 bands of 8 rows by default.
        against: earlier datasets whose documents' duplicates are dropped, too; with ``settings.within`` they have that
            column, too.
        columns: our column -> the input's column; of earlier datasets, too, where they have it.
        removed: what is written of dropped documents: ``full``, ``ids`` or ``none``.
        redo: run all again.
        workers: processes at a time.
        progress: told what goes on.

    Raises:
        ConfigError: before any work, for whatever cannot work.
    """
    chosen = settings or Dedup()
    if removed not in get_args(Removed):
        raise ConfigError(f"removed: expected one of {get_args(Removed)}, got {removed!r}")
    earlier = (against,) if isinstance(against, str) else tuple(against)
    before, reads = _texts("texts", input, columns or {}, keep_rules(chosen.keep))
    others: dict[str, str | tuple[str, ...]] = {}
    for number, one in enumerate(earlier):
        more, others[one] = _texts(f"texts_against{number}", one, columns or {}, None)
        before += more
    stages = [*before, *dedup_stages(chosen, reads, against=others, removed=removed)]
    told = {"settings": chosen, "against": earlier}
    return run_stages("dedup", stages, output, told, redo=redo, workers=workers, progress=progress)


def _texts(
    name: str, location: str, columns: Mapping[str, str], rules: tuple[str, ...] | None
) -> tuple[list[Stage], str | tuple[str, ...]]:
    """A stage that makes texts of what is not parquet with texts, since it is read three times; and what to read."""
    files = [file.path for file in list_inputs(resolve_location(location), *KINDS)]
    if rules is None:  # an earlier dataset may have our columns, or those of the input
        there = columns_of(files[:1], {}, outside=False)
        columns = {ours: theirs for ours, theirs in columns.items() if theirs in there}
    else:
        check_columns(rules, columns_of(files, columns))
    if are_tables(files, columns):
        return [], (location,)
    extracts = any(file.endswith(ARCHIVES) for file in files)
    return [Stage(name=name, reads=(location,), steps=[ExtractText()], columns=columns, costly=extracts)], name
