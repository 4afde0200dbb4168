r"""Numbers of four parts that look like an IP address and are none: versions, sections of standards, names of objects.

Example: of ``"AssemblyVersion("1.2.3.4")"`` the number is a version, of ``"connect("1.2.3.4")"`` an address.

A rule counts only if hardly any address is written so: an address that is missed is somebody's.
"""

from __future__ import annotations

import re

_SURROUNDINGS = 48

# What stands directly before: a name that says version, then only signs. Of ``-v 8.8.8.8`` it is an option.
_VERSION_BEFORE = re.compile(
    r"(?:(?<![\w-])[vV]\.? ?"
    r"|(?:(?<![A-Za-z])(?:[Vv]er|VER|[Rr]ev|[Bb]uild|[Ss]ections?|[Cc]hapter)|[Vv]ersion|VERSION|[Rr]evision|REVISION|§|~>|~=)"
    r"(?:_?(?:[Nn]umber|NUMBER|[Ii]nfo))?_*[.\s\"'`=:(<>\[-]{0,6})$"
)
# ECMA-262 in comments: 22.1.3.31 Array.prototype[…], 19.1.2.2 / 15.2.3.5 Object.create(O), 21.2.5.3 get RegExp.…
_SECTION_AFTER = re.compile(r"(?:\.\d+)?[ \t]+(?:/ [\d.]+ )?(?:[gs]et )?[A-Z%@][\w%]*[.(\[]")
_PACKAGE_AFTER = re.compile(r"\.(?:tar|tgz|zip|exe|msi|dmg|jar|whl|gem|deb|rpm|nupkg|dll|so)\b")
_NETWORK = re.compile(r"\d+\.\d+\.0\.0")
_OBJECT = re.compile(r"2\.5\.(?:4|29)\.\d+")
# A number, or a dot that ends neither a word (app.8.8.8.8.nip.io) nor a sentence that goes on (asking...8.8.8.8).
_NUMBER_BEFORE = re.compile(r"(?:\d|(?<![A-Za-z])(?<![A-Za-z]\.\.)\.)$")
_NUMBER_AFTER = re.compile(r"\.?\d")


def is_no_address(text: str, start: int, end: int) -> bool:
    """Whether the four numbers ``text[start:end]`` are, in code, something else than somebody's address.

    That is a piece of a longer row of numbers (OIDs, paths of SVG), what stands behind the word version or a sign of it
    (``v 1.159.1.3``, ``~> 1.2.3.4``), a section of a standard before what it defines (``22.1.3.31 Array.prototype``), a
    package's file (``tool-1.2.3.4.zip``), an object of X.500 (``2.5.29.15``), and what ends in ``.0.0``, which is
    version ``17.0.0.0`` or a whole network, and in neither case a machine.

    Of 696 public addresses that a pattern finds in ../shared/data/code 641 are told apart, none of them a machine's; of
    the 55 others 23 are telephone numbers and 13 lists of sections.
    """
    line = max(text.rfind("\n", 0, start) + 1, start - _SURROUNDINGS)
    before = text[line:start]
    if _NUMBER_BEFORE.search(before) or _NUMBER_AFTER.match(text, end):
        return True
    if any(known.fullmatch(text, start, end) for known in (_NETWORK, _OBJECT)):
        return True
    if _VERSION_BEFORE.search(before) or _SECTION_AFTER.match(text, end):
        return True
    return before.endswith("-") and _PACKAGE_AFTER.match(text, end) is not None
