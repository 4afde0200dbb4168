"""How much of a document the judge is shown: by tokens of its own tokenizer where that is known, else by characters.

    cutter = Cutter(prompt, open_tokenizer("meta-llama/Llama-3.1-70B-Instruct"), context_tokens=8192)
    cutter.shown(text, {})  # the whole text, or its beginning, so that prompt, document and reply fit into the context

Where the tokenizer is not known, a document that turns out too long for the judge is shown shorter, see `shorter`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from curation.annotation.fence import disarm
from curation.annotation.prompt import Prompt, cut_at_blank
from curation.errors import ConfigError
from curation.text.tokens import open_tokenizer

_TEMPLATE_TOKENS = 80
"""Room for what the chat template adds around the messages (Llama 3.1's about 40, most fewer) and for the tags around
the document, 24 hex digits of which one document's are more tokens than another's."""
_REPLY_TOKENS = 512  # room for a reply where no setting bounds it; the prompts ask for at most 100 words
_REMINDER_TOKENS = 96  # of the reminder, and of what the template adds around it and the reply before it
_CHARACTERS_PER_TOKEN_ABOUT = 4.0  # of English prose
_MOST_CHARACTERS_PER_TOKEN = 16  # more than any text has on average but runs of one character; bounds what is tokenised
_SHORTER = 0.75
_SHORTEST = 200


class Cutter:
    """Cuts documents for one prompt and one judge.

    Args:
        prompt: says how much is shown at most.
        tokenizer: the judge's, as of `tokenizers`; None if it is not known.
        context_tokens: how many tokens of prompt and reply the judge can hold; None if it is not known.
        reminders: how many replies and reminders are to fit into the context beside the document.
    """

    def __init__(
        self, prompt: Prompt, tokenizer: Any = None, context_tokens: int | None = None, reminders: int = 0
    ) -> None:
        self._prompt, self._tokenizer, self._context = prompt, tokenizer, context_tokens
        self._reminders = reminders
        self._room = lru_cache(maxsize=256)(self._room_of)

    def shown(self, text: str, slots: Mapping[str, str]) -> str:
        """The beginning of ``text`` that the judge is shown.

        Raises:
            ConfigError: if the judge's context leaves no room for a document.
        """
        if self._tokenizer is None:
            return self._prompt.shown(text)
        most = self._prompt.max_document_tokens
        text = self._prompt.shown(text) if most is None else text
        room = self._room(tuple(sorted(slots.items()))) if self._context else None
        limits = [limit for limit in (most, room) if limit is not None]
        return self._cut(text, min(limits)) if limits else text

    @property
    def counts_tokens(self) -> bool:
        """Whether tokens are counted by the judge's own tokenizer."""
        return self._tokenizer is not None

    def tokens(self, text: str) -> float:
        """How many tokens a text has, or about a quarter of its characters where the tokenizer is not known."""
        if self._tokenizer is None:
            return len(text) / _CHARACTERS_PER_TOKEN_ABOUT
        return len(self._encoded(text))

    def _cut(self, text: str, most: int) -> str:
        if len(text) * 4 <= most:  # a character is at most four bytes, and a token at least one
            return text
        text = text[: most * _MOST_CHARACTERS_PER_TOKEN]
        # Some tokenizers make more tokens of a beginning than they made of it within the whole.
        for left in range(most, 0, -1):
            tokens = self._encoded(text)
            if len(tokens) <= most:
                return text
            # A character of several tokens is shown whole or not at all.
            text = cut_at_blank(text, min(tokens.offsets[left - 1][1], tokens.offsets[left][0]))
        return ""

    def _encoded(self, text: str) -> Any:
        """As it is shown, character for character: a chat template's `<|eot_id|>` is one token, but seven disarmed."""
        return self._tokenizer.encode(disarm(text, self._prompt.special_tokens), add_special_tokens=False)

    def _room_of(self, slots: tuple[tuple[str, str], ...]) -> int:
        """Tokens that are left for a document."""
        messages = self._prompt.messages_of("", dict(slots))
        fixed = sum(len(self._encoded(one["content"])) for one in messages)
        generation = self._prompt.generation
        reply = int(generation.get("max_completion_tokens") or generation.get("max_tokens") or _REPLY_TOKENS)
        reply += self._reminders * (reply + _REMINDER_TOKENS)
        room = int(self._context or 0) - fixed - reply - _TEMPLATE_TOKENS
        if room < 1:
            raise ConfigError(
                f"prompt {self._prompt.name}: {fixed} tokens of its own and {reply} of replies and reminders leave no "
                f"room for a document in the judge's context of {self._context} tokens"
            )
        return room


def shorter(shown: str) -> str | None:
    """Three quarters of ``shown``, for a judge that found it too long; None when there is little left to cut."""
    return cut_at_blank(shown, int(len(shown) * _SHORTER)) if len(shown) > _SHORTEST else None


def special_tokens(tokenizer: Any) -> frozenset[str]:
    """The control tokens of a tokenizer, as `Prompt.special_tokens` takes them; none where it is not known."""
    if tokenizer is None:
        return frozenset()
    added = tokenizer.get_added_tokens_decoder().values()
    return frozenset(one.content for one in added if one.special and len(one.content.strip()) > 2)


def judge_tokenizer(judge: str, named: str | None) -> Any:
    """The tokenizer of a judge: the one named, or that of a ``vllm:`` model; None where neither is known.

    Raises:
        ConfigError: if it cannot be had.
    """
    kind, _, model = judge.partition(":")
    if named == "none":
        return None
    if named is None and kind != "vllm":
        return None
    try:
        return _tokenizer(named or model)
    except ConfigError as error:
        raise ConfigError(f"{error}; `tokenizer: none` cuts documents by characters") from error


@lru_cache(maxsize=2)
def _tokenizer(location: str) -> Any:
    tokenizer = open_tokenizer(location)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
