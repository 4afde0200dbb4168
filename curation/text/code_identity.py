"""The language of a file, from its name and its content.

Example: ``identify("include/list.h", "template <class T> struct List;")`` is ``C++``, and with ``"struct list;"`` it
is ``C``.

Asked in order: the whole file name, the extension, and where that is none or one that languages share, the mode line of
an editor, the interpreter in the first line, then patterns of the content, all of them in the one table. Linguist asks
for mode line and interpreter first; here an extension that one language has outweighs them, because editors that had no
mode for JavaScript wrote ``Mode: Java``, and because a TypeScript file that begins with ``node`` is no JavaScript.
What other languages' files are is said, too, so that a dropped file has a name.
"""

from __future__ import annotations

import re

from curation.text.code_languages import CodeTable, code_table

_HEAD = 50_000
"""Characters that patterns look at, about as many as Linguist's."""

_LONGEST = 40  # characters of the end of a name that may be an extension
_LINES = 5  # of the beginning and of the end, where editors look for a mode line
_EDGE = 2000  # characters that hold these lines
_VIM = re.compile(
    r"(?:^|[ \t])(?:vim?|ex)[<=>\d]{0,5}:[^\n]{0,200}?\b(?:ft|filetype|syn|syntax)[ \t]*=[ \t]*([\w+#-]+)", re.M
)
_EMACS_MODE = re.compile(r"(?:^|;)[ \t]*mode[ \t]*:[ \t]*([^\s;]+)", re.IGNORECASE)
_VERSION = re.compile(r"[-.\d]+$")
_EXEC = re.compile(r"^[ \t]*exec[ \t]+(?:[^\s]*/)?([\w.-]{1,40})[ \t][^\n]{0,200}\$0", re.MULTILINE)
_XML = re.compile(r"\A\s*<\?xml\b")


def identify(path: str, text: str, extra: str = "") -> str | None:
    """The name of the language of a file, None for one without a known name or content, and for a binary file.

    Args:
        path: in its repository, or the file's name alone.
        text: its content.
        extra: the path of a user's own languages, see `curation.text.code_languages`.

    Raises:
        ConfigError: if ``extra`` is not as it must be.
    """
    return identify_among(code_table(extra), path, text)


def identify_among(table: CodeTable, path: str, text: str) -> str | None:
    """`identify` with a table that is at hand."""
    head = text[:_HEAD]
    if "\0" in head:
        return None
    if "\r" in head:  # patterns know one end of a line
        head = head.replace("\r\n", "\n").replace("\r", "\n")
    name = path.rpartition("/")[2]
    if name in table.by_filename:
        return table.by_filename[name]
    extension = _known_extension(name, table)
    names = table.by_extension.get(extension, ())
    rules = table.rules.get(extension, ())
    if len(names) == 1 and not rules:
        return names[0]
    said = _mode(table, head, text[-_EDGE:]) or _interpreted(table, head)
    if said is not None and (not names or said in names):
        return said
    if names:
        return next((language for language, pattern in rules if pattern is None or pattern.search(head)), None)
    return "XML" if _XML.match(head) else None


def extension_of(path: str, extra: str = "") -> str:
    """The extension in lowercase, without its full stop; the longest that the table knows, else what follows the last.

    Example: ``extension_of("a/page.blade.php")`` is ``blade.php``, and ``extension_of("Makefile")`` is empty.
    """
    return extension_among(code_table(extra), path)


def extension_among(table: CodeTable, path: str) -> str:
    """`extension_of` with a table that is at hand."""
    name = path.rpartition("/")[2]
    known = _known_extension(name, table)
    return known[1:] if known else name.lstrip(".").rpartition(".")[2].lower() * ("." in name.lstrip("."))


def _known_extension(name: str, table: CodeTable) -> str:
    lower = name.lower()
    at = lower.find(".", max(0, len(lower) - _LONGEST))
    while at >= 0:
        if lower[at:] in table.by_extension:
            return lower[at:]
        at = lower.find(".", at + 1)
    return ""


def _mode(table: CodeTable, head: str, tail: str) -> str | None:
    """What a mode line of Emacs or Vim says, None if none names a language."""
    first = head[:_EDGE]
    if "-*-" in first:
        for line in first.splitlines()[:_LINES]:
            _, begins, rest = line.partition("-*-")
            inner, ends, _ = rest.partition("-*-")
            if begins and ends:
                found = _EMACS_MODE.search(inner)
                said = found[1] if found else "" if ":" in inner else inner
                return table.by_name.get(said.strip().lower())
    for edge in ("\n".join(first.splitlines()[:_LINES]), "\n".join(tail.splitlines()[-_LINES:])):
        found = _VIM.search(edge) if ":" in edge and "=" in edge else None
        if found:
            return table.by_name.get(found[1].lower())
    return None


def _interpreted(table: CodeTable, head: str) -> str | None:
    """What the first line says that the file is run by, None if that is no interpreter of the table."""
    if not head.startswith("#!"):
        return None
    words = head[2:_EDGE].partition("\n")[0].split()
    program = words[0].rpartition("/")[2] if words else ""
    if program == "env":
        program = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "").rpartition(
            "/"
        )[2]
    found = table.by_interpreter.get(program) or table.by_interpreter.get(_VERSION.sub("", program))
    if found == "Shell":  # a script that has itself run by another
        hands_over = _EXEC.search(head[:_EDGE])
        other = hands_over and table.by_interpreter.get(_VERSION.sub("", hands_over[1]))
        return other or found
    return found
