"""Rates of stages: those that are shipped, and those of a finished run, which anybody can measure.

    rates = shipped_rates("published")                # pipelines/rates.yaml, with the volumes of the published FineMath
    rates = with_rates(run_rates("pilot"), rates)     # what a pilot of a thousand pages has measured stands over them

A run's ``stage.json`` files say how many documents came in and went on, and the seconds of its shards. Of one run that
is seconds by documents, starting and loading models included: too much rather than too little where it was small. Of
two runs, a small and a large one, it is what the further documents took.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.config import nearest
from curation.content import content_root, read_yaml
from curation.errors import ConfigError, ContentError
from curation.folder import Folder
from curation.forecasting import NUMBERS, Rate
from curation.manifest import Manifest

_FILE = "rates.yaml"
_MODELS = ("judge", "spec", "classifier")
PER_SIGNATURES = {f"dedup_{name}": "dedup_signatures" for name in ("pairs", "clusters", "verified")}
"""These are given pairs or clusters; a document is one of those that have signatures."""
Rates = Mapping[str, Rate]


def shipped_rates(volumes: str | None = None) -> dict[str, Rate]:
    """The shipped rates, with one of the shipped sets of volumes on top.

    Raises:
        ConfigError: if there is no such set.
    """
    path = content_root() / "pipelines" / _FILE
    values = read_yaml(path)
    rates = _read(values["rates"], f"{_FILE}: rates")
    if volumes is None:
        return rates
    known = values["volumes"]
    if volumes not in known:
        raise ConfigError(f"--volumes {volumes}: no such volumes ({nearest(volumes, list(known))})")
    return with_rates(_read(known[volumes], f"{_FILE}: volumes.{volumes}"), rates)


def with_rates(above: Rates, below: Rates) -> dict[str, Rate]:
    """``below`` with what is known in ``above`` on top."""
    return {**below, **{name: rate.over(below.get(name, Rate())) for name, rate in above.items()}}


def rate_of(rates: Rates, stage: str) -> Rate:
    """What is known of a stage; what ``language`` takes stands for ``language_first``, of which nothing is said."""
    return rates.get(stage, rates.get(stage.removesuffix("_first"), Rate()))


def run_rates(
    outputs: Sequence[str], settings: Mapping[str, Any] | None = None, gpus: Mapping[str, int] | None = None
) -> Rates:
    """Rates of a finished run's stages, or of what a larger run took beyond a smaller one.

    Args:
        outputs: one run's folder, or those of two runs of different size.
        settings: dotted key -> value of the recipe that is planned.
        gpus: of a task of each of its stages; the seconds of a stage on GPUs count only if the run had the same models.

    Raises:
        ConfigError: if a folder holds no finished stage, or there are more than two.
    """
    if not 1 <= len(outputs) <= 2:
        raise ConfigError(f"--rates: expected one run's folder or two, got {len(outputs)}")
    *small, large = sorted(map(_read_run, outputs), key=lambda run: run.documents)
    is_same = large.had_models_of(settings or {})
    return {name: _measured(name, large, small, is_same, (gpus or {}).get(name, 0)) for name in large.records}


@dataclass(frozen=True, slots=True)
class _Run:
    """A folder with the records of its finished stages, and what the run was set to."""

    folder: Folder
    records: Mapping[str, Mapping[str, Any]]
    settings: Mapping[str, Any]

    @property
    def documents(self) -> int:
        return sum(record["documents"] for record in self.records.values())

    def had_models_of(self, settings: Mapping[str, Any]) -> bool:
        named = {key: value for key, value in settings.items() if key.rpartition(".")[2] in _MODELS}
        return all(self.settings.get(key) == value for key, value in named.items())

    def taken(self, stage: str, per: str) -> tuple[int, float]:
        """Documents and seconds; both 0 of a stage that the run has not finished."""
        if stage not in self.records or per not in self.records:
            return 0, 0.0
        return self.records[per]["documents"], self.records[stage]["shard_seconds"]


def _measured(name: str, large: _Run, small: Sequence[_Run], is_same: bool, gpus: int) -> Rate:
    """What one stage of a run tells; of ``small`` there is one run or none."""
    record, per = large.records[name], PER_SIGNATURES.get(name)
    documents, seconds = large.taken(name, per or name)
    for one in small:
        fewer = one.taken(name, per or name)
        documents, seconds = documents - fewer[0], max(0.0, seconds - fewer[1])
    rows = large.taken(name, per)[0] if per else record["kept"]
    source = f"measured: {large.folder.location}, {documents:,} documents"
    found: dict[str, float] = {}
    if documents > 0 and (is_same or not gpus):  # seconds on GPUs say nothing of another model
        found["gpu_seconds" if gpus else "core_seconds"] = seconds / documents * max(1, gpus)
    if record["documents"] and per is None:
        found["share"] = record["kept"] / record["documents"]
    if rows:
        found["written_bytes"] = (large.folder / name).size("data") / rows
    return Rate(**found, per=per, sources=dict.fromkeys(found, source))


def _read_run(output: str) -> _Run:
    folder = Folder(output)
    noted = folder.read_json("run.json")
    if noted is None:
        raise ConfigError(f"--rates {output}: no run was started in this folder (no run.json)")
    found = {name: record for name in noted["stages"] if (record := Manifest(folder / name).finished())}
    if not found:
        raise ConfigError(f"--rates {output}: no stage of this run is finished")
    return _Run(folder, found, noted["settings"])


def _read(values: Mapping[str, Any], origin: str) -> dict[str, Rate]:
    return {name: _read_rate(dict(one), f"{origin}.{name}") for name, one in values.items()}


def _read_rate(values: dict[str, Any], origin: str) -> Rate:
    per = values.pop("per", None)
    for key in values:
        if key not in NUMBERS:
            raise ContentError(f"{origin}: unknown key '{key}' ({nearest(key, list(NUMBERS))})")
    numbers = {key: float(number) for key, (number, _) in values.items()}
    return Rate(**numbers, per=per, sources={key: source for key, (_, source) in values.items()})
