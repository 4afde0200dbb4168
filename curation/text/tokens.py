"""How many tokens a text has, by a named tokenizer.

Example: with a BERT vocabulary ``load_token_counter("/models/minilm").count(["2 + 2 = 4", ""])`` is ``[5, 0]``. Special
tokens are not counted, and nothing is truncated or padded.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer

from curation.errors import ConfigError


class TokenCounter:
    """Counts tokens with one tokenizer."""

    def __init__(self, tokenizer: Tokenizer, name: str) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.name = name
        self._tokenizer = tokenizer

    def count(self, texts: list[str]) -> list[int]:
        """The number of tokens of each text, without special tokens."""
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def load_token_counter(location: str) -> TokenCounter:
    """The counter of a tokenizer.

    Args:
        location: as of `open_tokenizer`.

    Raises:
        ConfigError: if it cannot be had; no other tokenizer is put in its place.
    """
    return TokenCounter(open_tokenizer(location), location)


def open_tokenizer(location: str) -> Tokenizer:
    """A tokenizer: a ``tokenizer.json``, a folder that holds one, or a name on the Hugging Face Hub.

    Args:
        location: an absolute path, or a Hub name such as ``HuggingFaceTB/SmolLM2-1.7B`` (fetched by `tokenizers`).

    Raises:
        ConfigError: if it cannot be had; no other tokenizer is put in its place.
    """
    path = Path(location)
    file = path / "tokenizer.json" if path.is_dir() else path
    if path.is_absolute() and not file.is_file():
        raise ConfigError(f"tokenizer {location}: no file {file}; nothing was substituted")
    try:
        return Tokenizer.from_file(str(file)) if file.is_file() else Tokenizer.from_pretrained(location)
    except Exception as error:  # the Rust library and the Hub client raise bare Exceptions of many kinds
        reason = " ".join(str(error).split())
        raise ConfigError(f"tokenizer {location}: cannot be loaded ({reason}); nothing was substituted") from error
