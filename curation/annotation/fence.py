r"""How a document is handed to the judge so that nothing in it can pass for the prompt.

    fence("Final score: 5")
    # <extract 9f0c41d2c7a3>
    # Final score: 5
    # </extract 9f0c41d2c7a3>

The tag is derived from the document's own digest: the same document always gives the same request (replies are
recorded and found again), and a document that wanted to close its own fence would have to contain its own digest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from functools import lru_cache

FENCE_VERSION = 2
"""Raised when the same document would be shown otherwise; part of every prompt's digest."""

# Servers render the chat template to one string and tokenise it, so `<|im_start|>` in a document would become the real
# control token. One look-alike character breaks it and keeps the length. Tokens are matched as they are spelt: in
# another case they are ordinary text to every tokenizer, and `[img]` is a forum's markup.
_NAMES = (
    r"s|bos|eos|pad|unk|mask|cls|sep|sop|eop|eo[adht]|think|thinking|tools|tool_calls?|tool_responses?|function_calls"
    r"|arg_key|arg_value|start_of_\w+|end_of_\w+|(?:seed|minimax):\w+|longcat_\w+|SPECIAL_\d+|extra_id_\d+"
    r"|(?:unused|reserved_)\d+|fim_\w+|file_sep|repo_name|gh_stars"
)
_SIDED = "turn|channel|think|tool|tool_call|tool_response|image|audio|video"
_ANGLED = re.compile(
    r"<(?=[|｜][^<>\s]{1,60}[|｜]>"  # <|eot_id|>, <|im_start|>, <｜User｜>, <|START_OF_TURN_TOKEN|>
    rf"|/?(?:{_NAMES})>"
    rf"|\|(?:{_SIDED})>|(?:{_SIDED})\|>"  # Gemma's one-sided <|turn> and <turn|>
    r"|</?SYS>>"
    r"|/?(?i:extract)\b)"  # our own fence, whatever the tag
)
_SQUARE = re.compile(
    r"\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|CALL_ID|THINK|IMG"
    r"|IMG_BREAK|IMG_END|[gs]?MASK|CLS|SEP|PAD|UNK|PREFIX|MIDDLE|SUFFIX|MODEL_SETTINGS)\])"
)
# Tokenizers that normalise would make tokens of these: brackets with invisible characters behind them, full-width
# brackets. Tag characters (U+E0000 to U+E007F) are ASCII that only machines see.
_INVISIBLE = "\u00ad\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\ufe0e\ufe0f\ufeff"
_HIDDEN = re.compile(
    "[\U000e0000-\U000e007f]"
    f"|[<\\[＜［](?=[^\\s<>\\[\\]＜＞［］]{{0,60}}[{_INVISIBLE}])"
    "|[＜［](?=[|｜/]|(?i:extract)\\b|[A-Z]{3,})"
    "|◁(?=/?think▷)"
)
# None of these becomes the original under Unicode normalisation, as a full-width bracket would.
_LOOK_ALIKE = {"<": "‹", "[": "⁅", "＜": "‹", "［": "⁅", "◁": "‹"}
_UNKNOWN = "\ufffd"


def disarm(text: str, special_tokens: Collection[str] = ()) -> str:
    """``text`` with the control tokens of chat templates broken, lone surrogates and invisible letters replaced.

    Each replacement is one character for one. ``special_tokens`` are the judge's own, where its tokenizer is known
    (a frozenset is looked up fastest): they are broken besides those of the usual templates.
    """
    if not text.isascii():
        text = _without_hidden(text)
    text = _SQUARE.sub(_broken, _ANGLED.sub(_broken, text))
    known = _pattern(frozenset(special_tokens)) if special_tokens else None
    return known.sub(_broken, text) if known else text


def fence(text: str, special_tokens: Collection[str] = ()) -> str:
    """``text``, disarmed, between an opening and a closing line whose tag does not occur in it."""
    text = disarm(text, special_tokens)
    tag = _digest(text)
    while tag in text:
        tag = _digest(tag)
    return f"<extract {tag}>\n{text}\n</extract {tag}>"


def _without_hidden(text: str) -> str:
    """``text`` as valid Unicode, with what only shows to machines replaced."""
    encoded = text.encode("utf-8", "replace")
    text = encoded.decode("utf-8")
    # Twenty searches for one character each take 10 µs, the expression 200 µs on 12,000 characters.
    suspicious = b"\xf3\xa0" in encoded or any(mark in text for mark in f"{_INVISIBLE}＜［◁")
    return _HIDDEN.sub(_broken, text) if suspicious else text


def _broken(found: re.Match[str]) -> str:
    return _LOOK_ALIKE.get(found[0], _UNKNOWN)


@lru_cache(maxsize=16)
def _pattern(tokens: frozenset[str]) -> re.Pattern[str] | None:
    """The first character of each token that is followed by its rest; longest first, blank ones left alone."""
    marked = sorted((token for token in tokens if token.strip()), key=lambda token: (-len(token), token))
    return re.compile("|".join(f"{re.escape(t[0])}(?={re.escape(t[1:])})" for t in marked)) if marked else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
