r"""A prompt: the words given to the judge, how much of the document it sees, and how its reply is read.

    prompt = load_prompt("stack_edu_5pt")
    messages = prompt.messages("x = 1", language="Python")  # one user message
    read_reply("Valid code.\nEducational score: 1", prompt)  # 1

A prompt is a file: front matter (scale, reply, slots, max_characters, max_document_tokens, constrain, generation,
lookup, source), then the text with ``{text}`` where the document goes. The fixed words stand first, so that a server's
prefix cache serves them. The document arrives between two tag lines that it cannot forge, see
`curation.annotation.fence`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from curation.annotation.fence import FENCE_VERSION, disarm, fence
from curation.annotation.reply import READER_VERSION
from curation.config import nearest, read_settings
from curation.content import find_content, read_front_matter
from curation.errors import ConfigError, ContentError
from curation.scale import Scale
from curation.text.code_concepts import language_concepts

GENERATION = (
    "frequency_penalty", "max_completion_tokens", "max_tokens", "min_p", "presence_penalty", "reasoning_effort",
    "repetition_penalty", "seed", "stop", "system", "temperature", "top_k", "top_p",
)  # fmt: skip
"""What ``generation`` may set; anything else that a server understands is a judge option."""

TABLES = {"code_languages": language_concepts}
"""What ``lookup`` may name in place of a mapping of its own: concepts of programming languages, by any name of each."""

Constrain = Literal["none", "score", "regex", "json"]
"""What decoding is constrained to: nothing, the last line alone, a justification and that line, or a JSON object."""


@dataclass(frozen=True)
class Prompt:
    """One prompt, as read from its file. Derive a variant with ``dataclasses.replace``.

    Attributes:
        name: the file's stem.
        text: the words, with ``{text}`` and the slots in braces.
        scale: the labels that a reply may carry.
        reply_words: what stands before the number in the reply, without the colon.
        slots: names of the other placeholders.
        max_characters: how much of a document is shown where the judge's tokenizer is not known.
        max_document_tokens: how much is shown where it is; None for ``max_characters`` there, too.
        constrain: how the server is to constrain the reply.
        generation: sampling settings sent with each request; ``system`` is the system message.
        source: where the criteria come from.
        special_tokens: of the judge's tokenizer, where it is known: broken in documents like those of chat templates.
        lookup: slot -> other slot -> value of the other -> text, for slots that follow from another. In a file, one of
            `TABLES` may stand for value -> text.
    """

    name: str
    text: str
    scale: Scale
    reply_words: str
    slots: tuple[str, ...]
    max_characters: int
    generation: Mapping[str, Any] = field(default_factory=dict, hash=False)
    source: str = ""
    max_document_tokens: int | None = None
    constrain: Constrain = "none"
    lookup: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict, hash=False)
    special_tokens: frozenset[str] = frozenset()

    @cached_property
    def digest(self) -> str:
        """16 hex digits over all that changes what the judge sees or how its reply is read; not name and source."""
        seen = {
            "text": self.text,
            "scale": [self.scale.low, self.scale.high],
            "reply_words": self.reply_words,
            "slots": list(self.slots),
            "lookup": self.lookup,
            "max_characters": self.max_characters,
            "max_document_tokens": self.max_document_tokens,
            "constrain": self.constrain,
            "generation": self.generation,
            "versions": [FENCE_VERSION, READER_VERSION],
        }
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]

    def shown(self, text: str) -> str:
        """The part of ``text`` that the judge sees: at most ``max_characters``, cut at a blank where there is one."""
        return cut_at_blank(text, self.max_characters)

    def messages(self, text: str, **slots: str) -> list[dict[str, str]]:
        """The chat messages that ask for the label of ``text``.

        Raises:
            ValueError: if a slot is missing, empty or unknown.
        """
        return self.messages_of(self.shown(text), slots)

    def messages_of(self, shown: str, slots: Mapping[str, str]) -> list[dict[str, str]]:
        """`messages` of a text that is cut already.

        Raises:
            ValueError: if a slot is missing, empty or unknown.
        """
        values = self._fill(slots)
        values["text"] = fence(shown, self.special_tokens)
        content = _placeholder(("text", *self.slots)).sub(lambda found: values[found[1]], self.text)
        system = self.generation.get("system")
        return [*([{"role": "system", "content": system}] if system else []), {"role": "user", "content": content}]

    def _fill(self, given: Mapping[str, str]) -> dict[str, str]:
        for name in given:
            if name not in self.slots:
                raise ValueError(f"prompt {self.name}: unknown slot {name!r}, its slots are {list(self.slots)}")
        values = {name: _one_line(given.get(name)) or self._looked_up(name, given) for name in self.slots}
        for name, value in values.items():
            if not value:
                raise ValueError(f"prompt {self.name}: slot {name!r} is missing, given are {dict(given)}")
        return values

    def _looked_up(self, name: str, given: Mapping[str, str]) -> str:
        for other, table in self.lookup.get(name, {}).items():
            with contextlib.suppress(KeyError):  # a table may know more names than it holds
                return table[given[other]]
        return ""


def cut_at_blank(text: str, most: int) -> str:
    """At most ``most`` characters of ``text``, cut at a blank if there is one in the second half."""
    if len(text) <= most:
        return text
    cut = text[: most + 1]
    blank = next((at for at in range(most, most // 2, -1) if cut[at].isspace()), None)
    return text[: most if blank is None else blank].rstrip()


def load_prompt(name: str | Path) -> Prompt:
    """The shipped prompt of that name, or the one in the user's own file.

    Raises:
        ContentError: if there is none, or its front matter or text is wrong.
    """
    path = find_content("prompts", str(name.resolve()) if isinstance(name, Path) else name)
    values, text = read_front_matter(path)
    try:
        front = read_settings(_FrontMatter, values, str(path))
    except ConfigError as error:
        raise ContentError(str(error)) from error
    words = front.reply.strip().rstrip(":").rstrip()
    prompt = Prompt(
        path.stem, text.strip() + "\n", Scale(*front.scale), words, front.slots, front.max_characters,
        front.generation, front.source, front.max_document_tokens, front.constrain, _tables(front.lookup),
    )  # fmt: skip
    for wrong in (_wrong_front_matter(front), _wrong_placeholders(prompt)):
        if wrong:
            raise ContentError(f"{path}: {wrong}")
    return prompt


@dataclass(frozen=True, kw_only=True)
class _FrontMatter:
    scale: tuple[int, ...]
    reply: str
    max_characters: int
    source: str = ""
    max_document_tokens: int | None = None
    constrain: Constrain = "none"
    slots: tuple[str, ...] = ()
    generation: dict[str, Any] = field(default_factory=dict)
    lookup: dict[str, dict[str, dict[str, str] | str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.scale) != 2 or self.scale[0] >= self.scale[1]:
            raise ValueError(f"scale: expected [low, high] with low < high, got {list(self.scale)}")
        if self.max_characters < 1:
            raise ValueError(f"max_characters: expected at least 1, got {self.max_characters}")
        if self.max_document_tokens is not None and self.max_document_tokens < 1:
            raise ValueError(f"max_document_tokens: expected at least 1, got {self.max_document_tokens}")
        if not re.search(r"\w", self.reply):
            raise ValueError(f"reply: expected the words before the number, got {self.reply!r}")
        for table in (table for tables in self.lookup.values() for table in tables.values()):
            if isinstance(table, str) and table not in TABLES:
                raise ValueError(f"lookup: {table!r} is no mapping and no table ({nearest(table, list(TABLES))})")


def _tables(lookup: Mapping[str, Mapping[str, Mapping[str, str] | str]]) -> dict[str, dict[str, Mapping[str, str]]]:
    return {
        slot: {other: TABLES[table]() if isinstance(table, str) else table for other, table in tables.items()}
        for slot, tables in lookup.items()
    }


def _wrong_front_matter(front: _FrontMatter) -> str:
    for key in front.generation:
        if key not in GENERATION:
            return f"generation: unknown key {key!r} ({nearest(key, list(GENERATION))})"
    for slot in front.slots:
        if not slot.isidentifier() or slot == "text":
            return f"slots: {slot!r} cannot name a slot"
    for slot in [*front.lookup, *(other for table in front.lookup.values() for other in table)]:
        if slot not in front.slots:
            return f"lookup: {slot!r} is not among the slots {list(front.slots)}"
    return ""


def _wrong_placeholders(prompt: Prompt) -> str:
    names = ("text", *prompt.slots)
    found = _placeholder(names).findall(prompt.text)
    if found.count("text") != 1:
        return f"{{text}} must stand once in the text, it stands {found.count('text')} times"
    unused = [slot for slot in prompt.slots if slot not in found]
    if unused:
        return f"slots: {{{unused[0]}}} stands nowhere in the text"
    for word in re.findall(r"\{(\w{3,})\}", prompt.text):
        hint = nearest(word, list(names))
        if word not in names and (hint.startswith("did you mean") or re.search(rf"(?:^|\s)\{{{word}\}}", prompt.text)):
            return f"{{{word}}} is no slot ({hint}); name it under slots, or write it without braces"
    return ""


def _placeholder(names: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(r"\{(" + "|".join(map(re.escape, names)) + r")\}")


def _one_line(value: object) -> str:
    return "" if value is None else disarm(" ".join(str(value).split()))
