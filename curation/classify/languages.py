"""Programming languages by any of their usual names, as Stack-Edu has them.

Example: ``programming_language("cpp")`` is ``"C++"`` and ``slug("C++")`` is ``"cpp"``, as in the published
``stack-edu-classifier-cpp``. (Published are c, cpp, csharp, go, java, javascript, python, rust, shell, sql and swift;
the other four names follow by analogy.)
"""

from __future__ import annotations

from curation.config import nearest
from curation.errors import ConfigError

SLUGS = {
    "Python": "python",
    "C++": "cpp",
    "Markdown": "markdown",
    "C": "c",
    "JavaScript": "javascript",
    "Java": "java",
    "SQL": "sql",
    "PHP": "php",
    "C#": "csharp",
    "TypeScript": "typescript",
    "Shell": "shell",
    "Swift": "swift",
    "Go": "go",
    "Rust": "rust",
    "Ruby": "ruby",
}
"""The 15 languages of Stack-Edu, largest first, and how they are spelled in names of files and models."""

_OTHERS = {
    "c-sharp": "C#",
    "cs": "C#",
    "js": "JavaScript",
    "ts": "TypeScript",
    "md": "Markdown",
    "bash": "Shell",
    "py": "Python",
}
_KNOWN = {name.lower(): name for name in SLUGS} | {slug: name for name, slug in SLUGS.items()} | _OTHERS


def programming_language(name: str) -> str:
    """The language's own name.

    Raises:
        ConfigError: for one that is not in the table; the message names the nearest.
    """
    found = _KNOWN.get(name.strip().lower())
    if found is None:
        raise ConfigError(f"unknown programming language {name!r} ({nearest(name, list(SLUGS))})")
    return found


def slug(name: str) -> str:
    """The language in lowercase letters, for names of files and models."""
    return SLUGS[programming_language(name)]
