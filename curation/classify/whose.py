"""Which classifier scores which value: by an index, by a template of names, or one for all.

Whose("out/train/model").key("c++")                                              # "cpp", or "shared", or None
Whose("HuggingFaceTB/stack-edu-classifier-{language}", values=("C++",)).location("cpp")
Whose("HuggingFaceFW/fineweb-edu-classifier").key("anything")                     # "shared"
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from curation.classify.each import LANGUAGE, SHARED, named, read_index, slugs_of
from curation.classify.models import import_transformers
from curation.classify.spec import is_local
from curation.classify.storage import model_folder
from curation.content import resolve_location
from curation.errors import ConfigError
from curation.folder import local_copy


class Whose:
    """Which classifier scores which value.

    Args:
        classifier: a folder that `TrainClassifiers` wrote; one classifier for all; or names or folders with
            ``{language}``, or the column in braces, for the value's slug.
        by: the column.
        values: those that are to be scored, by any of their names; empty for all that have a classifier.
        languages: a user's table of programming languages.
    """

    def __init__(self, classifier: str, by: str = LANGUAGE, values: Sequence[str] = (), languages: str = "") -> None:
        self.classifier, self.by, self.languages = classifier, by, languages
        self.mark = mark_of(classifier, by)
        self.values = [one for one in (named(value, by=by, languages=languages) for value in values) if one]
        self._slugs = slugs_of(self.values, by=by, languages=languages)
        self._keys: dict[str, str | None] = {}

    @cached_property
    def index(self) -> dict[str, str]:
        """Value -> name of its folder; empty for what is no folder of several classifiers."""
        if self.mark or not (is_local(self.classifier) or "://" in self.classifier):
            return {}
        return {value: one.folder for value, one in read_index(self.folder).items()}

    @cached_property
    def folder(self) -> Path:
        """A local folder with the classifiers."""
        return model_folder(str(local_copy(resolve_location(self.classifier))))

    def key(self, value: Any) -> str | None:
        """What names the classifier of a value: a slug, or ``shared``; None where there is none."""
        text = "" if value is None else str(value)
        if text not in self._keys:
            self._keys[text] = self._key(text)
        return self._keys[text]

    def _key(self, value: str) -> str | None:
        if not self.mark and not self.index:
            return SHARED
        name = named(value, by=self.by, languages=self.languages)
        if name is None or (self.values and name not in self._slugs):
            return None
        if not self.mark:
            return self.index.get(name, self._for_the_rest)
        if name not in self._slugs:  # all that are there count, and only a folder can say so
            slug = slugs_of([name], by=self.by, languages=self.languages)[name]
            return slug if Path(self.location(slug)).is_dir() else None
        return self._slugs[name]

    @cached_property
    def _for_the_rest(self) -> str | None:
        """Of a value that no label was of: the shared classifier, where there is one."""
        return SHARED if SHARED in self.index.values() else None

    def location(self, key: str) -> str:
        """The folder or name of a classifier."""
        if self.mark:
            found = self.classifier.replace(self.mark, key)
            return resolve_location(found) if found.startswith(("/", "content:", "package:")) else found
        return str(self.folder / key) if self.index else self.classifier

    def places(self) -> list[str]:
        """Where the classifiers of a template stand, of those that are asked for; nothing of names on the Hub."""
        symbolic = self.classifier.startswith(("/", "content:", "package:"))
        if not self.mark or not (symbolic or "://" in self.classifier):
            return []
        if self.values or not symbolic:
            asked = [self.location(self._slugs[value]) for value in dict.fromkeys(self.values)]
            return [one for one in asked if "://" in one or Path(one).is_dir()]  # `check` names all that are missing
        before, after = map(glob.escape, resolve_location(self.classifier).split(self.mark, 1))
        return sorted(one for one in glob.glob(f"{before}*{after}") if Path(one).is_dir())

    def check(self) -> None:
        """Raise ConfigError if a classifier of `values` is missing; the message names all of them."""
        if not self.mark and not self.index:
            return
        if not self.mark:
            missing = [value for value in self.values if value not in self.index and not self._for_the_rest]
            known = ", ".join(self.index)
            reasons = f"{self.classifier} has those of {known}"
        else:
            if not self.values and not self.classifier.startswith(("/", "content:", "package:")):
                raise ConfigError(
                    f"{self.classifier}: say the values of {self.by!r} that it has classifiers for: values"
                )
            found = {value: _missing(self.location(self._slugs[value])) for value in self.values}
            missing = [value for value, reason in found.items() if reason]
            reasons = "; ".join(f"{self.location(self._slugs[value])}: {found[value]}" for value in missing)
        if missing:
            raise ConfigError(f"no classifier for {', '.join(missing)} ({reasons}); nothing was put in its place")


def mark_of(classifier: str, by: str) -> str:
    """What stands for a value's slug in a template: ``{language}``, or the column in braces; empty if it is none."""
    return next((mark for mark in (f"{{{by}}}", "{language}") if mark in classifier), "")


def _missing(location: str) -> str:
    """Why a classifier cannot be had, empty if it can; of one on the Hub only the configuration is fetched."""
    if is_local(location):
        return "" if any(Path(location).glob("*.json")) or Path(location, "train/model").is_dir() else "not there"
    if "://" in location:
        folder = local_copy(location)
        return "" if any(folder.glob("*.json")) else "nothing there"
    try:
        import_transformers().AutoConfig.from_pretrained(location)
    except Exception as error:
        return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return ""
