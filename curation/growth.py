"""The next crawl: files that were added to the input of a finished output, and what follows from them.

Example: ``only_grew(started["identity"], identity, {"extract": {"0f3a…"}})`` is true where the stage was made with the
same settings of what is now but a part of its input.

A stage that goes through its input file by file then runs on the new files only (``grow``): its finished shards stay,
further ones come after them, and ``shards.json`` remembers under which digests it was known before, so that what reads
it grows, too. What was learned from the input (a sample, a classifier, a list of domains: ``Stage.settled``) stays as
it is; what compares all with all is made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Grown = Mapping[str, frozenset[str]]
"""Stage -> the digests of what it has only grown from since."""


def earlier_digests(started: Mapping[str, Any] | None, *, grows: bool) -> frozenset[str]:
    """The digests that a stage had when it was smaller.

    Args:
        started: what its ``shards.json`` holds.
        grows: whether it is about to grow, so that its present digest is an earlier one, too.
    """
    if started is None:
        return frozenset()
    return frozenset([*started.get("earlier", ()), *([started["digest"]] if grows else [])])


def added_files(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The files from outside that an identity has more than an earlier one."""
    before, after = (one["reads"].get("files", {}) if isinstance(one["reads"], dict) else {} for one in (old, new))
    return [name for name in after if name not in before]


def only_grew(old: Mapping[str, Any], new: Mapping[str, Any], reads: str | None, grown: Grown) -> bool:
    """Whether two identities of a stage differ in nothing but files that were added to what it reads or needs.

    Args:
        old: what the stage was started with.
        new: what it would be now.
        reads: the stage that it reads, None for an input from outside.
        grown: what is known of the stages before it.
    """
    return old != new and _without_growth(old, old, reads, grown) == _without_growth(new, old, reads, grown)


def _without_growth(
    identity: Mapping[str, Any], old: Mapping[str, Any], reads: str | None, grown: Grown
) -> dict[str, Any]:
    """An identity in which what has only grown looks as it did."""
    plain, then = dict(identity), old["reads"]
    if isinstance(then, dict) and isinstance(plain["reads"], dict):
        now = plain["reads"].get("files", {})
        # New files may stand between the old ones: they get shards of their own, so the order is not the point.
        kept = {name: now[name] for name in then.get("files", {}) if name in now}
        plain["reads"] = {key: value for key, value in plain["reads"].items() if key != "order"} | {"files": kept}
    elif reads is not None and then in grown.get(reads, ()):
        plain["reads"] = then
    needs = {
        name: was if (was := old.get("needs", {}).get(name)) in grown.get(name, ()) else digest
        for name, digest in plain.get("needs", {}).items()
    }
    return plain | {"needs": needs}
