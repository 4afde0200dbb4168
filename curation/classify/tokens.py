"""Texts to token ids, no more of a text than the model reads, in this process or in others.

Example: ``Tokeniser(loaded.tokenizer, embedder.identity).read(["1 + 1 = 2"]).windows()`` is a list of one array of ids.

A text of 10 MB is not tokenised for its first 512 tokens: its head is, cut at a blank, and more only where the head
yields too few tokens. What is behind the cut cannot change what stands well before it, since tokenizers split at
blanks first. Texts of 3.2 kB, 512 tokens: 1.5 times as fast as whole; of 32 kB 10 times.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHARACTERS_PER_TOKEN = (8, 64)
"""Heads of so many characters for each token that is wanted are tried, then the whole text. English needs 4.3."""

MARGIN = 32
"""Tokens beyond the wanted ones that a head must yield; the last few before a cut are another text's."""

_NEAR_THE_CUT = 1000


@dataclass(frozen=True, eq=False)
class Tokens:
    """Token ids of n texts, in windows.

    Attributes:
        ids: of all windows, one after another, (t,).
        lengths: of the windows, (w,).
        counts: windows of each text, at least 1, (n,).
    """

    ids: NDArray[np.int32]
    lengths: NDArray[np.int64]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.counts)

    def windows(self) -> list[NDArray[np.int32]]:
        """The ids of each window."""
        return np.split(self.ids, np.cumsum(self.lengths)[:-1]) if len(self.lengths) else []

    @classmethod
    def of(cls, texts: Iterable[Sequence[Sequence[int]]]) -> Tokens:
        """From the windows of each text."""
        texts = list(texts)
        windows = [window for of_text in texts for window in of_text]
        ids = [np.asarray(window, np.int32) for window in windows]
        return cls(
            np.concatenate(ids) if ids else np.zeros(0, np.int32),
            np.array([len(window) for window in windows], np.int64),
            np.array([len(of_text) for of_text in texts], np.int64),
        )

    @classmethod
    def joined(cls, parts: Sequence[Tokens]) -> Tokens:
        """Of several lists of texts, one after another."""
        if not parts:
            return cls.of([])
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("ids", "lengths", "counts")))


class Tokeniser:
    """A tokenizer with what an embedder reads of a text; it can be sent to other processes.

    Args:
        tokenizer: of ``transformers``; only a fast one is taken apart for speed.
        identity: the embedder's: ``max_tokens``, ``prefix`` and, if set, ``windows`` and ``max_characters``.
        padding: the id of a text without any token.
    """

    def __init__(self, tokenizer: Any, identity: Mapping[str, Any], padding: int) -> None:
        self.max_tokens: int = identity["max_tokens"]
        self.most_windows: int = identity.get("windows", 1)
        self.max_characters: int | None = identity.get("max_characters")
        self.prefix: str = identity["prefix"]
        self.padding = padding
        # What is cut on the left is read at its end: there is no head to stop at.
        self._heads = (0,) if getattr(tokenizer, "truncation_side", "right") == "left" else (*CHARACTERS_PER_TOKEN, 0)
        self._slow = None if tokenizer.is_fast else tokenizer
        self._fast = _own_copy(tokenizer, self.max_tokens) if tokenizer.is_fast else None

    def read(self, texts: Sequence[str]) -> Tokens:
        """Windows of ``max_tokens`` of each text, special tokens included, as many as it fills or are allowed."""
        whole = [self.prefix + text[: self.max_characters] for text in texts]
        found: list[list[list[int]]] = [[]] * len(whole)
        missing = list(range(len(whole)))
        for per_token in self._heads:
            heads = [_head(whole[i], self.max_tokens * self.most_windows * per_token) for i in missing]
            short = []
            for i, head, windows in zip(missing, heads, self._tokenised(heads), strict=True):
                enough = self.max_tokens * self.most_windows + MARGIN
                if len(head) < len(whole[i]) and sum(map(len, windows)) < enough:
                    short.append(i)
                found[i] = windows[: self.most_windows]
            missing = short
        return Tokens.of([[window or [self.padding] for window in windows] for windows in found])

    def _tokenised(self, texts: list[str]) -> list[list[list[int]]]:
        """All windows of each text, those beyond the allowed ones too, which tell whether a head was long enough."""
        # Lone surrogates are no Unicode text: a tokenizer refuses them.
        texts = [text if text.isascii() else text.encode("utf-8", "replace").decode() for text in texts]
        if not texts:
            return []
        if self._fast is not None:
            return [[one.ids, *(more.ids for more in one.overflowing)] for one in self._fast.encode_batch_fast(texts)]
        assert self._slow is not None
        return [[one] for one in self._slow(texts, truncation=True, max_length=self.max_tokens)["input_ids"]]


def _own_copy(tokenizer: Any, max_tokens: int) -> Any:
    """The tokenizer's Rust part with our truncation; the original's is set anew with each of its calls."""
    from tokenizers import Tokenizer

    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    own.no_padding()
    own.enable_truncation(max_tokens, direction=tokenizer.truncation_side)
    return own


def _head(text: str, characters: int) -> str:
    """The text up to ``characters`` (0: all of it), ending before a blank if there is one near."""
    if not characters or len(text) <= characters:
        return text
    head = text[:characters]
    near = head[-_NEAR_THE_CUT:].rsplit(None, 1)
    return head[: characters - min(characters, _NEAR_THE_CUT) + len(near[0])] if len(near) == 2 else head
