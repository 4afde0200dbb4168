r"""C4's rules: lines that are no prose are removed, and a text of too few sentences, or of what is no text, is dropped.

Example: ``C4(min_num_sentences=None).clean("One two three.\nHome", load_language("en")).text`` is ``"One two three."``,
and ``removed`` is ``{"too_few_words": 1}``.

Source: C4, JMLR 21 (2020) 140, and its reference code, as datatrove's ``C4QualityFilter`` has it, with FineWeb's
settings: lines need not end in terminal punctuation, as that rule alone removes 30 % of the tokens (arXiv 2406.17557).
Not here: the list of bad words, which datatrove has as a filter of its own. What is left of the lines decides about the
text, and is what the rules after C4 look at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import ClassVar

from curation.text.languages import Language
from curation.text.quality_rules import Failure
from curation.text.quality_statistics import count_sentences

_CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
_LOREM_IPSUM, _JAVASCRIPT, _ELLIPSIS = "lorem ipsum", "javascript", "..."


@dataclass(slots=True)
class Cleaned:
    """What C4's rules make of a text.

    Args:
        text: what is left of it, where it is not dropped.
        failure: why it is dropped.
        removed: kind -> how many lines that are not blank were removed.
        removed_characters: of these lines.
        citations: whether citations were cut from lines.
        curly_bracket: whether a line that would have stayed has a curly bracket.
    """

    text: str = ""
    failure: Failure | None = None
    removed: dict[str, int] = field(default_factory=dict)
    removed_characters: int = 0
    citations: bool = False
    curly_bracket: bool = False

    def remove(self, kind: str, line: str) -> None:
        """Count a line that is removed."""
        self.removed[kind] = self.removed.get(kind, 0) + 1
        self.removed_characters += len(line)


@dataclass(frozen=True, kw_only=True)
class C4:
    """C4's rules; of thresholds, None is no check.

    Args:
        min_num_sentences: sentences that must be left.
        min_words_per_line: words between blanks of a line that stays.
        max_word_length: characters of the longest word of a line that stays.
        remove_citations: whether ``[1]``, ``[edit]`` and ``[citation needed]`` are cut from lines.
        terminal_punct: whether lines must end in terminal punctuation, and not in an ellipsis.
        lorem_ipsum: whether a text with these words is dropped.
        javascript: whether lines with this word are removed.
        curly_bracket: whether a text with a curly bracket is dropped.
        policy: whether lines about cookies, privacy and terms of use are removed; the language has the phrases.
    """

    name: ClassVar[str] = "c4"

    min_num_sentences: int | None = 5
    min_words_per_line: int | None = 3
    max_word_length: int | None = 1000
    remove_citations: bool = True
    terminal_punct: bool = False
    lorem_ipsum: bool = True
    javascript: bool = True
    curly_bracket: bool = True
    policy: bool = True

    def clean(self, text: str, language: Language) -> Cleaned:
        """The text with its lines cleaned, or why it is dropped: the first reason on the way through the lines."""
        found = Cleaned()
        citations = self.remove_citations and "[" in text
        # As lines are looked through: without citations, which may stand within what is looked for.
        watched = self._is_watched(_CITATION.sub("", text) if citations else text, language)
        kept: list[str] = []
        longest = self.max_word_length if self.max_word_length is not None else len(text)
        plain = not (citations or watched or self.terminal_punct)
        fewest = self.min_words_per_line or 0
        for whole in map(str.strip, text.splitlines()):
            # Most lines of most texts need no more than this.
            if plain and len(whole) <= longest:
                if len(whole.split(None, fewest)) >= fewest:
                    kept.append(whole)
                elif whole:
                    found.remove("too_few_words", whole)
                continue
            line = _CITATION.sub("", whole) if citations else whole
            found.citations = found.citations or len(line) != len(whole)
            kind = self._no_prose(whole, line, language)
            if kind is None and watched:
                kind = self._unwanted(line, language, found)
                if found.failure is not None:
                    return found
            if kind is None:
                kept.append(line)
            elif whole:
                found.remove(kind, whole)
        found.text = "\n".join(kept).strip()
        found.failure = self._too_few_sentences(kept, language)
        return found

    def _is_watched(self, text: str, language: Language) -> bool:
        """Whether any of what lines are looked through for stands in the text at all; most texts have none of it."""
        if "{" in text:
            return True
        lowered = text.lower()
        if _LOREM_IPSUM in lowered or _JAVASCRIPT in lowered:
            return True
        return self.policy and any(phrase in lowered for phrase in _phrases(language))

    def _no_prose(self, whole: str, line: str, language: Language) -> str | None:
        """Why a line is removed for its form: as it is for its words, without citations for its end."""
        longest, fewest = self.max_word_length, self.min_words_per_line
        if longest is not None and len(whole) > longest and max(map(len, whole.split())) > longest:
            return "too_long_word"
        if self.terminal_punct and (not line.endswith(_line_ends(language)) or line.endswith(_ELLIPSIS)):
            return "no_terminal_punct"
        if fewest is not None and len(whole.split(None, fewest)) < fewest:
            return "too_few_words"
        return None

    def _unwanted(self, line: str, language: Language, found: Cleaned) -> str | None:
        """Why a line is removed for what it says; or the text is dropped for it."""
        lowered = line.lower()
        if self.lorem_ipsum and _LOREM_IPSUM in lowered:
            found.failure = Failure(self.name, "lorem_ipsum", lowered.count(_LOREM_IPSUM), 0.0)
            return None
        if self.javascript and _JAVASCRIPT in lowered:
            return "javascript"
        if "{" in line:
            found.curly_bracket = True
            if self.curly_bracket:
                found.failure = Failure(self.name, "curly_bracket", line.count("{"), 0.0)
                return None
        if self.policy and any(phrase in lowered for phrase in _phrases(language)):
            return "policy"
        return None

    def _too_few_sentences(self, kept: list[str], language: Language) -> Failure | None:
        fewest = self.min_num_sentences
        # A line that is not blank has a sentence or more: mostly there is no need to look for more.
        if fewest is None or sum(not line.isspace() for line in kept if line) >= fewest:
            return None
        sentences = count_sentences("\n".join(kept), language)
        return None if sentences >= fewest else Failure(self.name, "too_few_sentences", sentences, fewest)


@lru_cache(maxsize=16)
def _phrases(language: Language) -> tuple[str, ...]:
    return tuple(phrase.lower() for phrase in language.policy_phrases)


@lru_cache(maxsize=16)
def _line_ends(language: Language) -> tuple[str, ...]:
    return tuple(language.line_ends.split())
