"""What the quality rules must know of a language: one YAML entry each, read strictly.

Example: ``load_language("en").stop_words`` are the eight of Gopher's rule, and ``load_language("./fr.yaml")`` is a
user's own entry. ``en`` and ``de`` ship; any of a language's codes names it, as detectors write them (``en``, ``eng``,
``eng_Latn``, ``__label__eng_Latn``). A language without an entry is a ConfigError: English rules are never applied to
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from curation.config import nearest, read_settings
from curation.content import read_yaml
from curation.errors import ConfigError, ContentError
from curation.text.quality_characters import CLASSES, LIMIT

_FOLDER = Path(__file__).with_suffix("")
_MOST_RULES = 12
_LONGEST = 60
_MOST_PARTS = 8  # the kernel has the lengths of a word's parts in the bytes of one number


@dataclass(frozen=True, kw_only=True)
class InsideRule:
    """Marks that are a word of their own within a word.

    Args:
        marks: characters; each is a mark.
        left: what must stand before: classes separated by blanks, of letter, lower, upper, digit, quote, hyphen.
        right: what must stand behind.
        least: how often the mark must be repeated.
        most: how often it may be.

    Raises:
        ValueError: for no marks, one beyond the table of characters, an unknown class, or repetitions of less than 1 or
            more than 60.
    """

    marks: str
    left: str
    right: str
    least: int = 1
    most: int = 1

    def __post_init__(self) -> None:
        for name in [*self.left.split(), *self.right.split()]:
            if name not in CLASSES:
                raise ValueError(f"{name!r} is no class of characters ({nearest(name, list(CLASSES))})")
        if not self.marks or not self.left or not self.right:
            raise ValueError("marks, left and right must say something")
        if not 1 <= self.least <= self.most:
            raise ValueError(f"a mark repeated {self.least} to {self.most} times")
        if self.most > _LONGEST:
            raise ValueError(f"most: a mark repeated {self.most} times; at most {_LONGEST} are possible")
        _check_marks("marks", self.marks)


@dataclass(frozen=True, kw_only=True)
class Contractions:
    """Words that lose endings, as do and n't of don't.

    Args:
        words: separated by blanks.
        endings: separated by blanks; each is cut off, and cut itself at ``|``.
        capital: also with the first letter in uppercase.

    Raises:
        ValueError: for a part without characters, or more than 8 parts.
    """

    words: str
    endings: str
    capital: bool = True

    def __post_init__(self) -> None:
        _check_cuts("endings", self.parts())

    def parts(self) -> list[tuple[str, ...]]:
        """The parts of each contraction."""
        words = self.words.split()
        words += [word[:1].upper() + word[1:] for word in words] if self.capital else []
        return [(word, *ending.split("|")) for word in dict.fromkeys(words) for ending in self.endings.split()]


@dataclass(frozen=True, kw_only=True)
class WordSplitting:
    """How a text becomes words.

    Args:
        splitting: ``marks`` cuts at white space, then marks from words; with ``characters`` each character is one.
        possessive: whether 's is cut from the end of a word.
        digit_before_stop: whether a full stop is cut from a number.
        closing: more marks that are cut from the end of a word.
        inside: marks within words.
        contractions: words that lose endings.
        apart: more words that are cut at ``|``, separated by blanks.
        whole: what stays whole, separated by blanks.
        not_apart: what the contractions would cut and is a word, such as its.

    Raises:
        ValueError: for more than 12 rules, a listed word of more than 60 characters, one with a part without characters
            or more than 8 parts, or a mark beyond the table of characters.
    """

    splitting: Literal["marks", "characters"] = "marks"
    possessive: bool = False
    digit_before_stop: bool = True
    closing: str = ""
    inside: tuple[InsideRule, ...] = ()
    contractions: tuple[Contractions, ...] = ()
    apart: str = ""
    whole: str = ""
    not_apart: str = ""

    def __post_init__(self) -> None:
        if len(self.inside) > _MOST_RULES:
            raise ValueError(f"{len(self.inside)} rules of marks inside words; at most {_MOST_RULES} are possible")
        _check_marks("closing", self.closing)
        _check_cuts("apart", self._apart())
        longest = max(self.special(), key=len, default="")
        if len(longest) > _LONGEST:
            raise ValueError(f"{longest!r} is longer than {_LONGEST} characters")

    def special(self) -> dict[str, tuple[int, ...]]:
        """What is looked up instead of cut by rules: the word -> the lengths of its parts."""
        parts = [cut for one in self.contractions for cut in one.parts()]
        parts += self._apart()
        parts += [(word,) for word in self.whole.split()]
        excluded = set(self.not_apart.split())
        cuts = {"".join(cut): tuple(map(len, cut)) for cut in parts}
        return {word: lengths for word, lengths in cuts.items() if word not in excluded}

    def _apart(self) -> list[tuple[str, ...]]:
        return [tuple(word.split("|")) for word in self.apart.split()]


@dataclass(frozen=True, kw_only=True, eq=False)
class Language:
    """One language; compared by identity, so that looking up what was made for it costs nothing.

    Args:
        name: in English.
        codes: ISO 639-1 and 639-3, and labels of detectors such as ``eng_Latn``; the first is the language's own.
        words: how a text becomes words.
        stop_words: those of Gopher's rule, separated by blanks, in lowercase; at most 64.
        sentence_enders: marks beside Unicode's Sentence_Terminal, as one string.
        line_ends: how a line may end in C4's rule of terminal punctuation, separated by blanks.
        policy_phrases: lines with one of them are removed by C4's rule; compared in lowercase.
        thresholds: threshold -> value, where it differs from the published one of English; null leaves a rule out.

    Raises:
        ValueError: for no code, more than 64 stop words, a sentence ender beyond the table of characters, or a phrase
            without characters, which every line has.
    """

    name: str
    codes: tuple[str, ...]
    words: WordSplitting
    stop_words: str
    sentence_enders: str = ""
    line_ends: str = ". ? ! \" '"
    policy_phrases: tuple[str, ...] = ()
    thresholds: dict[str, bool | int | float | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.codes:
            raise ValueError("codes: a language needs a code")
        if len(set(self.stop_words.split())) > 64:
            raise ValueError(f"stop_words: {len(set(self.stop_words.split()))} words; at most 64 are possible")
        _check_marks("sentence_enders", self.sentence_enders)
        if not all(map(str.strip, self.policy_phrases)):
            raise ValueError("policy_phrases: a phrase without characters, which every line has")


def list_languages() -> list[str]:
    """The codes of the languages that ship, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load_language(name: str) -> Language:
    """A language by one of its codes, or by the path of a user's own entry (with a ``/`` or ending in ``.yaml``).

    The same content gives the same object; a file that was edited is read again.

    Raises:
        ConfigError: if there is no entry, naming those that there are; or if an entry is not as it must be.
    """
    if "/" in name or name.endswith(".yaml"):
        path = Path(name).expanduser()
        if not path.is_file():
            raise ConfigError(f"no language entry {path}")
        try:
            return _own(path, path.read_bytes())
        except OSError as error:
            raise ConfigError(f"language entry {path}: {error.strerror}") from error
    return _shipped(name)


@lru_cache(maxsize=64)
def _own(path: Path, content: bytes) -> Language:
    """An entry, kept for as long as its file has this content."""
    return _read(path)


@lru_cache(maxsize=64)
def _shipped(name: str) -> Language:
    code = name.removeprefix("__label__")
    for path in sorted(_FOLDER.glob("*.yaml")):
        language = _read(path)
        if code in language.codes:
            return language
    known = list_languages()
    raise ConfigError(
        f"language {name!r} has no entry ({nearest(name, known)}; there are {', '.join(known)}): the rules of another "
        "language would drop the wrong texts; write an entry and give its path"
    )


def _read(path: Path) -> Language:
    try:
        values: Mapping[str, object] = read_yaml(path)
    except ContentError as error:
        raise ConfigError(str(error)) from error
    return read_settings(Language, values, str(path))


def _check_marks(name: str, marks: str) -> None:
    """Marks must have a place in the table of characters: the one behind it is that of all other characters."""
    for mark in marks:
        if ord(mark) >= LIMIT:
            raise ValueError(f"{name}: {mark!r} (U+{ord(mark):X}) is not possible; marks stand before U+{LIMIT:X}")


def _check_cuts(name: str, cuts: Iterable[tuple[str, ...]]) -> None:
    """The kernel has room for as many words as there are characters, and for so many lengths."""
    for cut in cuts:
        if not all(cut):
            raise ValueError(f"{name}: {'|'.join(cut)!r} has a part without characters")
        if len(cut) > _MOST_PARTS:
            raise ValueError(f"{name}: {'|'.join(cut)!r} has {len(cut)} parts; at most {_MOST_PARTS} are possible")
