"""How a document is handed to the judge so that nothing in it can pass for the prompt.

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

FENCE_VERSION = 1
"""Raised when the same document would be shown otherwise; part of every prompt's digest."""

# Servers render the chat template to one string and tokenise it, so `<|im_start|>` in a document would become the real
# control token. One look-alike character breaks it and keeps the length.
_CONTROL = re.compile(
    r"<(?=[|｜][^<>\s]{1,60}[|｜]>)"  # <|eot_id|>, <|im_start|>, <｜User｜>
    r"|<(?=/?(?:s|bos|eos|pad|unk|mask|think|start_of_turn|end_of_turn|tool_call|tool_response)>)"
    r"|<(?=</?SYS>>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\])",
    re.IGNORECASE,
)
_LOOK_ALIKE = {"<": "‹", "[": "［"}


def disarm(text: str) -> str:
    """``text`` with the control tokens of chat templates broken and lone surrogates (not UTF-8) replaced."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _CONTROL.sub(lambda found: _LOOK_ALIKE[found[0]], text)


def fence(text: str) -> str:
    """``text``, disarmed, between an opening and a closing line whose tag does not occur in it."""
    text = disarm(text)
    tag = _digest(text)
    while tag in text:
        tag = _digest(tag)
    return f"<extract {tag}>\n{text}\n</extract {tag}>"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
