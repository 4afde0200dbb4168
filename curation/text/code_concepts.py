"""What the judge's prompt is told of each programming language: an example of its key concepts.

Example: ``language_concepts()["c-sharp"]`` is ``asynchronous programming and LINQ queries``.

The words stand in the one table of `curation.text.code_languages`; a prompt whose front matter says
``lookup: {concepts: {language: code_languages}}`` takes them from here, so that its digest changes when they do.
"""

from __future__ import annotations

from curation.text.code_languages import code_languages, code_table


class LanguageConcepts(dict[str, str]):
    """Name of a language -> its concepts; ``[]`` takes any alias in any case."""

    def __missing__(self, name: str) -> str:
        """By an alias."""
        found = code_table().by_name.get(str(name).strip().lower(), "")
        if found not in self:
            raise KeyError(name)
        return self[found]


def language_concepts() -> LanguageConcepts:
    """What the judge's prompt is told of each language of Stack-Edu."""
    return LanguageConcepts({name: one.concepts for name, one in code_languages().items()})
