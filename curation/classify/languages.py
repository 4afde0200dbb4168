"""Programming languages by any of their usual names, as the one table has them.

Example: ``programming_language("cpp")`` is ``"C++"`` and ``slug("C++")`` is ``"cpp"``, as in the published
``stack-edu-classifier-cpp``. (Published are c, cpp, csharp, go, java, javascript, python, rust, shell, sql and swift;
the other four names follow by analogy.) The table is `curation.text.code_languages`.
"""

from __future__ import annotations

from curation.text.code_languages import code_language


def programming_language(name: str, extra: str = "") -> str:
    """The language's own name; ``extra`` is the path of a user's own languages.

    Raises:
        ConfigError: for one that is not in the table; the message names the nearest.
    """
    return code_language(name, extra).name


def slug(name: str, extra: str = "") -> str:
    """The language in lowercase letters, for names of files and models; ``extra`` as in `programming_language`."""
    return code_language(name, extra).slug
