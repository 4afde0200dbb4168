"""The few shapes of OpenAI's chat API that every compatible server shares, as pure functions.

api_root("http://localhost:8000")  # "http://localhost:8000/v1"
chat_body("llama", {"temperature": 0.6, "top_k": 50}, {"top_k": None})  # {"model": "llama", "temperature": 0.6}
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from curation.annotation.judge import Reply

_TOKENS = ("prompt_tokens", "completion_tokens")


def api_root(url: str) -> str:
    """The address below which ``/chat/completions`` lies: ``/v1`` is added unless the path names a version."""
    url = url.rstrip("/").removesuffix("/chat/completions").rstrip("/")
    return url if re.search(r"/v\d\w*(?:/|$)", urlsplit(url).path) else f"{url}/v1"


def without_credentials(url: str) -> str:
    """``url`` fit for a message: without user, password and query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def chat_body(model: str, generation: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The request body without its messages; ``options`` win, and null removes a setting."""
    body = {"model": model, **generation, **options}
    body.pop("system", None)
    return {key: value for key, value in body.items() if value is not None}


def read_completion(content: bytes) -> Reply | str:
    """The reply in the body of a 200; in words what is wrong where another attempt may bring one."""
    try:
        answer = json.loads(content)
        choice = answer["choices"][0]
        text = choice["message"]["content"]
        usage = answer.get("usage") or {}
        tokens = [number if type(number) is int else None for number in map(usage.get, _TOKENS)]
        logprobs = (choice.get("logprobs") or {}).get("content")
    except (ValueError, LookupError, TypeError, AttributeError):
        return f"not a chat completion: {_short(content)}"
    if isinstance(text, str) and text.strip():
        return Reply(text, None, tokens[0], tokens[1], logprobs=logprobs)
    # All tokens spent on thinking: the next attempt would spend them again.
    return (
        Reply(None, "empty_reply", tokens[0], tokens[1]) if choice.get("finish_reason") == "length" else "empty reply"
    )


def error_message(content: bytes) -> str:
    """What an error response says, in one line, wherever the server put it."""
    try:
        said = json.loads(content)
    except ValueError:
        return _short(content)
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and said.get(key):
            said = said[key]
    return " ".join((said if isinstance(said, str) else json.dumps(said)).split())[:500]


def _short(content: bytes) -> str:
    text = " ".join(content[:2000].decode("utf-8", "replace").split())
    return text if len(text) <= 200 else f"{text[:200]}…"
