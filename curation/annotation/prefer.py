"""Which documents are likely to be about a rare topic, told without a classifier: what ``--prefer`` says.

    preference = Preference(["words=photosynthesis,calvin cycle", "url=*/biology/*", "like=examples.jsonl"])
    for doc, level in preference.levels(documents, lambda doc: (doc.text, doc.url)): ...

The level becomes a stratum of the sample: each level gets an equal share, so that a topic of one page in a thousand
fills much of the sample; the rest keeps a share, and as strata are counted, the weights stay exact. Each criterion
``words`` or ``url`` that is met adds 1, and ``like`` adds 0 to 3: pages that meet several are drawn yet more often.
A level says what is worth asking about and not what is on topic; that says the judge.
"""

from __future__ import annotations

import fnmatch
import hashlib
import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Protocol, TypeVar

from curation.annotation.likeness import UNSPACED, Like
from curation.config import nearest
from curation.content import absolute_location, resolve_location
from curation.errors import ConfigError
from curation.folder import open_input

Document = TypeVar("Document")

_KINDS = {
    "words": "words=photosynthesis,calvin cycle",
    "url": "url=*/physics/*,arxiv.org",
    "like": "like=examples.jsonl",
}
_LEARNT_FROM = 2000  # documents, held until then: about 10 MB of texts
_SCRIPT = re.compile(r"<(?:script|style)\b", re.IGNORECASE)
_SCRIPT_END = re.compile(r"</(?:script|style)\b", re.IGNORECASE)


class Criterion(Protocol):
    """One thing to prefer documents by."""

    def level(self, text: str, url: str | None) -> int:
        """0 for a document that is not preferred."""


class Preference:
    """Several criteria; a document's level is the sum of theirs.

    Args:
        specs: each ``words=A,B`` (words or phrases in the text, of any case), ``url=A,B`` (parts of the URL; with ``*``
            for anything, patterns of all of it, with or without ``https://``) or ``like=FILE`` (example documents).

    Raises:
        ConfigError: naming the spec that is wrong.
    """

    def __init__(self, specs: Sequence[str]) -> None:
        makers: dict[str, Callable[[str], Criterion]] = {"words": Words, "url": Urls, "like": Like}
        self.criteria = [makers[kind](value) for kind, value in map(_parsed, specs)]
        self._likes = [one for one in self.criteria if isinstance(one, Like)]

    def check(self) -> None:
        """Read the examples.

        Raises:
            ConfigError: if a file of examples is missing, unreadable, or has no text.
        """
        for one in self._likes:
            one.examples()

    def levels(
        self, documents: Iterable[Document], seen: Callable[[Document], tuple[str, str | None]]
    ) -> Iterator[tuple[Document, int]]:
        """Each document with its level, in order.

        Args:
            documents: of any kind. With ``like``, the first 2,000 are held and say what is usual among these documents:
                other documents in front can move the border of a level, never a weight's truth.
            seen: a document's text and URL.
        """
        stream = iter(documents)
        first = list(islice(stream, _LEARNT_FROM)) if self._likes else []
        texts = [seen(one)[0] for one in first]
        for like in self._likes:
            like.learn(texts)
        for one in chain(first, stream):
            text, url = seen(one)
            yield one, sum(criterion.level(text, url) for criterion in self.criteria)


class Words:
    """Whether a text has one of several words or phrases, whole and in any case."""

    def __init__(self, value: str) -> None:
        phrases = [part.casefold().split() for part in value.split(",")]
        self._rarest = [max(phrase, key=len) for phrase in phrases]
        self._pattern = re.compile("|".join(map(_whole, phrases)))

    def level(self, text: str, url: str | None) -> int:
        """1 if it has."""
        folded = text.casefold()
        if not any(word in folded for word in self._rarest):  # ten times faster than the pattern
            return 0
        return int(self._pattern.search(folded) is not None)


class Urls:
    """Whether a URL has one of several parts or fits one of several patterns, in any case."""

    def __init__(self, value: str) -> None:
        parts = [part.strip().casefold() for part in value.split(",")]
        self._parts = [part for part in parts if "*" not in part]
        # ? and [ are characters of URLs like others
        patterns = [part.replace("[", "[[]").replace("?", "[?]") for part in parts if "*" in part]
        self._pattern = re.compile("|".join(map(fnmatch.translate, patterns)) or r"(?!)")

    def level(self, text: str, url: str | None) -> int:
        """1 if it has or fits."""
        folded = (url or "").casefold()
        whole = (folded, folded.partition("://")[2])
        return int(any(part in folded for part in self._parts) or any(map(self._pattern.match, whole)))


def absolute_preference(spec: str) -> str:
    """A spec that means the same in any working folder; ConfigError if it is wrong."""
    kind, value = _parsed(spec)
    return f"{kind}={absolute_location(value)}" if kind == "like" else spec


def preference_identity(spec: str) -> dict[str, str]:
    """What of a spec enters a digest: of examples the content, not the place; ConfigError if they are missing."""
    kind, value = _parsed(spec)
    if kind != "like":
        return {kind: value}
    try:
        with open_input(resolve_location(value)) as stream:
            return {kind: hashlib.sha256(stream.read()).hexdigest()[:16]}
    except OSError as error:
        raise ConfigError(f"prefer {spec!r}: cannot be read: {error}") from error


def visible_text(page: str) -> str:
    """The text of an HTML page from which nothing was extracted yet, good enough to look for words in."""
    first, *others = _SCRIPT.split(page)
    after = (_SCRIPT_END.split(part, maxsplit=1) for part in others)
    # what follows an end tag's name begins with its ">"
    kept = " <".join([first, *(part[1] for part in after if len(part) > 1)])
    return html.unescape(re.sub(r"<[^<>]*>", " ", kept))


def _parsed(spec: str) -> tuple[str, str]:
    """Kind and value."""
    kind, equals, value = spec.partition("=")
    kind, value = kind.strip(), value.strip()
    if not equals:
        raise ConfigError(f"prefer {spec!r}: expected KIND=VALUE, such as {', '.join(_KINDS.values())}")
    if kind not in _KINDS:
        raise ConfigError(f"prefer {spec!r}: unknown kind {kind!r} ({nearest(kind, list(_KINDS))})")
    if not value or (kind != "like" and not all(map(str.strip, value.split(",")))):
        raise ConfigError(f"prefer {spec!r}: nothing given, or nothing between two commas; expected {_KINDS[kind]}")
    return kind, value


def _whole(phrase: Sequence[str]) -> str:
    """A pattern of a phrase that is no part of longer words; where words have no spaces between them, it may be."""
    middle = r"\s+".join(map(re.escape, phrase))
    ends = (re.fullmatch(rf"[^\W{UNSPACED}]", end) for end in (phrase[0][0], phrase[-1][-1]))
    before, after = (sign if end else "" for sign, end in zip((r"(?<!\w)", r"(?!\w)"), ends, strict=True))
    return before + middle + after
