r"""Constrained decoding: what goes into the request so that a reply cannot miss its form, and how JSON comes out.

    prompt = dataclasses.replace(load_prompt("finemath_5pt"), constrain="regex")
    constraint_body(prompt)["structured_outputs"]  # {"regex": "[^\\n]{1,384}\\nFinal score: [0-5]"}
    own_constraints({"response_format": {"type": "json_object"}})  # ("response_format",): leave ours out

A justification is bounded so that the label is reached before ``max_tokens``: with as many characters as there are
tokens left, even a judge that writes one character a token arrives. Servers parse thinking before they constrain, and
its tokens count, too: a thinking judge needs a ``max_tokens`` that leaves room for its thoughts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from curation.errors import ContentError

if TYPE_CHECKING:
    from curation.annotation.prompt import Prompt

_OWN = (
    "ebnf", "grammar", "guided_choice", "guided_grammar", "guided_json", "guided_regex", "json_schema", "regex",
    "response_format", "structural_tag", "structured_outputs",
)  # fmt: skip
_END_TOKEN = 1
# Long repetitions compile slowly, and some servers refuse 2,000; 100 words are 600 to 800 characters.
_MOST_CHARACTERS = 1500
_OBJECT = '{"justification": "", "score": }'
_SPARE_BLANKS = 8  # servers let a judge lay out its object as it likes

_JSON_BEGINS = re.compile(r"^[ \t]*(?:`{3,}\w*[ \t]*)?(?=\{\s*\"\w+\"\s*:)", re.MULTILINE)
_JSON_WITHIN = re.compile(r"(?=\{\s*\"\w+\"\s*:)")
_ESCAPE = re.compile(r"\\([\"\\/bfnrt]|u[0-9a-fA-F]{4})?")
_DECODER = json.JSONDecoder(strict=False)
_TRIES = 20  # after so many failures no more is tried, so that no reply takes long to read


def constraint_body(prompt: Prompt) -> dict[str, Any]:
    """What the body of a chat completion needs so that the reply has the form that ``prompt.constrain`` names.

    ``none``: nothing. ``score``: only the final line. ``regex``: a justification without line breaks, then that line.
    ``json``: an object with ``justification`` and ``score``, in OpenAI's own form. vLLM from 0.11 on understands all.

    Raises:
        ContentError: if the prompt's ``max_tokens`` leaves no room for the label.
    """
    if prompt.constrain == "none":
        return {}
    if prompt.constrain == "json":
        return {
            "response_format": {"type": "json_schema", "json_schema": {"name": "rating", "schema": _schema(prompt)}}
        }
    expression = _expression(prompt)
    return {"structured_outputs": {"regex": expression}}


def own_constraints(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of the judge options that constrain decoding themselves: servers take one constraint, and options win."""
    return tuple(sorted(key for key in options if key in _OWN and options[key] is not None))


def json_scores(reply: str) -> list[Any]:
    """The ``score`` of each JSON object in ``reply`` that has one, in order.

    Objects at the start of a line come before those within lines, which may be quoted. Line breaks in strings and
    LaTeX's backslashes are taken as they are. An object that is cut off counts as one whose score is None: what it
    holds is a justification, whose words must not be read as the label.
    """
    for begins in (_JSON_BEGINS, _JSON_WITHIN):
        scores = _scores_at(begins, reply)
        if scores:
            return scores
    return []


def _scores_at(begins: re.Pattern[str], reply: str) -> list[Any]:
    text = _ESCAPE.sub(lambda found: found[0] if found[1] else r"\\", reply)
    scores: list[Any] = []
    tries = _TRIES
    at = begins.search(text)
    while at is not None and tries:
        try:
            value, end = _DECODER.raw_decode(text, at.end())
        except (ValueError, RecursionError):
            scores.append(None)
            tries, end = tries - 1, at.end() + 1
        else:
            scores += [value["score"]] if "score" in value else []
        at = begins.search(text, end)
    return scores


def _schema(prompt: Prompt) -> dict[str, Any]:
    # Half the room: a backslash, a quote or a line break is written as two characters. (`\u00e9` is six: a judge that
    # writes nothing else is cut off, which reads as no label.) Not `strict`: OpenAI's strict mode refuses maxLength.
    room = _room(prompt, len(_OBJECT) + _longest(prompt) + _SPARE_BLANKS, least=2)
    labels = list(range(prompt.scale.low, prompt.scale.high + 1))
    return {
        "type": "object",
        "properties": {
            "justification": {"type": "string", "maxLength": room // 2},
            "score": {"type": "integer", "enum": labels},
        },
        "required": ["justification", "score"],
        "additionalProperties": False,
    }


def _expression(prompt: Prompt) -> str:
    line = len(prompt.reply_words) + len(": ") + _longest(prompt)
    if prompt.constrain == "score":
        _room(prompt, line)
        return _final_line(prompt)
    return rf"[^\n]{{1,{_room(prompt, line + 1, least=1)}}}\n{_final_line(prompt)}"


def _final_line(prompt: Prompt) -> str:
    words = re.sub(r"([\\^$.|?*+(){}\[\]])", r"\\\1", prompt.reply_words)
    low, high = prompt.scale.low, prompt.scale.high
    if low >= 0 and high <= 9:
        return f"{words}: [{low}-{high}]"
    # The longest first: an engine that takes the first alternative must not stop at the 1 of 10.
    labels = sorted(map(str, range(low, high + 1)), key=lambda label: (-len(label), label))
    return f"{words}: ({'|'.join(labels)})"


def _longest(prompt: Prompt) -> int:
    return max(len(str(prompt.scale.low)), len(str(prompt.scale.high)))


def _room(prompt: Prompt, characters: int, least: int = 0) -> int:
    """How many characters may stand beside so many fixed ones, if each is a token."""
    key = "max_completion_tokens" if "max_completion_tokens" in prompt.generation else "max_tokens"
    max_tokens = prompt.generation.get(key)
    if max_tokens is None:
        return _MOST_CHARACTERS
    if max_tokens < characters + _END_TOKEN + least:
        raise ContentError(
            f"prompt {prompt.name}: generation: {key}: {max_tokens} leaves no room for the label; "
            f"constrain: {prompt.constrain} needs at least {characters + _END_TOKEN + least}"
        )
    return int(min(max_tokens - characters - _END_TOKEN, _MOST_CHARACTERS))
