r"""The judge's expected label: its labels weighted by the probability of the token that carries the score.

    content = [{"token": " 4", "logprob": -0.2, "top_logprobs": [{"token": " 4", "logprob": -0.2}, ...]}, ...]
    expected_label(content, prompt)  # 3.8: 4 with .8, 3 with .2

The method is G-Eval's (Liu et al. 2023, arXiv 2303.16634): finer than the label, at no further request. What is
weighted are the tokens that the server reports at that place (``top_logprobs``), normalised over those that are labels.
"""

from __future__ import annotations

import math
import re
import unicodedata
from bisect import bisect_right
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from curation.annotation.reply import read_reply
from curation.errors import UnreadableReply

if TYPE_CHECKING:
    from curation.annotation.prompt import Prompt
    from curation.scale import Scale

# A label with what may be stuck to it in one token: " 4", "**4", "4/5", "4\n", "[4", '"4"', "４", "4分".
_LABEL_TOKEN = re.compile(
    r"[\s\W_]*?(?P<minus>[-–−])?(?P<digit>\d)(?:[.,]0{1,2})?(?:\s*(?:[/∕⁄]|out of)\s*\d*|分)?[\s\W_]*"
)
_JSON_KEY = r"[\"']score[\"']\s*:"
_NEVER = -1000.0  # servers write -9999 or -inf for tokens that were masked


def expected_label(logprobs: object, prompt: Prompt) -> float | None:
    """The mean of the labels at the token that carries the score, weighted by their probabilities.

    Args:
        logprobs: ``choices[0].logprobs.content`` of a chat completion, as OpenAI's API gives it.
        prompt: what was asked.

    Returns:
        A number on the scale; None where the reply cannot be read, no token carries its label, the list is not of the
        expected form, or a label may have more than one digit.
    """
    if not isinstance(logprobs, list) or prompt.scale.low < 0 or prompt.scale.high > 9:
        return None
    try:
        tokens = [str(token["token"]) for token in logprobs]
        label = read_reply("".join(tokens), prompt)
        place = _score_token(tokens, label, prompt)
        weights = {} if place is None else _weights_at(logprobs, place, prompt.scale)
    except (UnreadableReply, LookupError, TypeError, ValueError, AttributeError, ArithmeticError):
        return None
    # A token that holds more than the label, such as `score: 4`, has no alternatives to weigh it against.
    total = math.fsum(weights.values()) if label in weights else 0.0
    return math.fsum(at * weight for at, weight in weights.items()) / total if total > 0 else None


def _score_token(tokens: list[str], label: int, prompt: Prompt) -> int | None:
    """Which token holds the label: the first digit after the last of the reply words that is followed by the label."""
    text = "".join(tokens)
    ends = list(accumulate(map(len, tokens)))
    claims = [found.end() for found in _claim(prompt.reply_words, prompt.constrain == "json").finditer(text)]
    bare = [0] if re.match(r"\W*\d", text) else []
    for start in reversed(claims or bare):
        digit = re.compile(r"\d").search(text, start)
        if digit and unicodedata.decimal(digit[0]) == label:
            return bisect_right(ends, digit.start())
    return None


@lru_cache(maxsize=64)
def _claim(words: str, in_json: bool) -> re.Pattern[str]:
    parts = [re.escape(part) for part in re.split(r"[\s_-]+", words) if part]
    spelt = r"[\s_*-]+".join(parts)
    return re.compile(f"{_JSON_KEY}|{spelt}" if in_json else spelt, re.IGNORECASE)


def _weights_at(logprobs: list[dict[str, Any]], place: int, scale: Scale) -> dict[int, float]:
    """Label -> probability; ``" "`` and then ``"3"`` might have been ``" 3"`` at once, one token earlier."""
    weights = _weights(logprobs[place], scale)
    before = logprobs[place - 1] if place else None
    if before is None or str(before["token"]).strip() or not str(before["token"]):
        return weights
    blank = math.exp(min(float(before["logprob"]), 0.0))
    at_once = _weights(before, scale)
    return {label: blank * weights.get(label, 0.0) + at_once.get(label, 0.0) for label in weights | at_once}


def _weights(token: dict[str, Any], scale: Scale) -> dict[int, float]:
    """Label -> probability over the spellings reported; the token itself counts even if it is not among them."""
    reported = {str(top["token"]): float(top["logprob"]) for top in token.get("top_logprobs") or []}
    reported.setdefault(str(token["token"]), float(token["logprob"]))
    weights: dict[int, float] = {}
    for spelt, logprob in reported.items():
        found = _LABEL_TOKEN.fullmatch(spelt)
        if found is None or found["minus"] or not logprob > _NEVER:
            continue
        label = unicodedata.decimal(found["digit"])
        if scale.holds(label):
            weights[label] = weights.get(label, 0.0) + math.exp(min(logprob, 0.0))
    return weights
