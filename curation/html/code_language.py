"""The programming language of a piece of code, as the tags around it name it.

Example: ``language_in('<pre><code class="language-python">')`` is ``python``.
"""

from __future__ import annotations

import re

_LANGUAGE = re.compile(
    r"(?:\b(?:language|lang|highlight|brush|sourceCode)(?:-|:\s*|\s+)(?:source-)?|data-lang(?:uage)?=[\"']?)([a-zA-Z][\w+#]{0,15})"
)
_NO_LANGUAGES = frozenset(
    ["notranslate", "text", "none", "default", "plain", "plaintext", "nohighlight", "math", "source", "code", "block"]
)


def language_in(source: str) -> str:
    """The language that the tags around a piece of code name: ``class="language-python"``."""
    named = [found[1].lower() for found in _LANGUAGE.finditer(source)]
    return next((name for name in reversed(named) if name not in _NO_LANGUAGES), "")
