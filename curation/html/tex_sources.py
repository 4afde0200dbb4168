r"""What one element says in TeX: a ``<math>``, a math script, an image, a text that is all formula.

Example: ``image_tex('<img src="https://latex.codecogs.com/gif.latex?x%5E2">')`` is ``("x^2", False)``: the TeX, and
whether it is displayed. None where the element is no formula; an empty TeX where it is one that says nothing.
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import unquote

from curation.html.asciimath import asciimath_to_tex
from curation.html.mathml import mathml_to_tex

MAX_FORMULA_CHARS = 20_000
MAX_MATHML_CHARS = 400_000
MAX_ASCIIMATH_CHARS = 5_000

_MATH_SCRIPT = re.compile(r"\btype\s*=\s*[\"']?\s*math/(tex|latex|mml|mathml|asciimath)\b([^\"'>]*)", re.IGNORECASE)
_CDATA = re.compile(r"^\s*(?:%\s*)?<!\[CDATA\[|(?:%\s*)?\]\]>\s*$")
_ESCAPED = re.compile(r"&(?:lt|gt|amp|quot|#\d+);")
_ANNOTATION = re.compile(
    r"<(?:\w{1,9}:)?annotation\b[^<>]{0,200}?encoding\s*=\s*[\"']?(?:application/x-tex|tex|latex|application/x-latex|"
    r"text/latex|text/tex|LaTeX|TeX)[\"']?[^<>]*>([^<]*)<",
    re.IGNORECASE,
)
_DISPLAYSTYLE = re.compile(r"^\s*\{\s*\\displaystyle(?![a-zA-Z])(.*)\}\s*$", re.DOTALL)
_IMAGE_CLASS = re.compile(
    r"(?<![\w-])(?:formulaInl|formulaDsp|latex|tex|latexcenter|latexdisplay|latexblock|latexblockcenter|x-ck12[\w-]*"
    r"|mwe-math-fallback-image-inline|mwe-math-fallback-image-display|mwe-math-fallback-image|math|ql-img-inline-formula"
    r"|ql-img-displayed-equation|texrender|equation_image|ee_img|Wirisformula|MathJax_SVG|mimetex)(?![\w-])"
)
_SURE_CLASS = re.compile(r"(?<![\w-])(?:math|tex|latex|formulaInl|formulaDsp|mimetex)(?![\w-])")
_IMAGE_SERVICE = re.compile(
    r"latex\.codecogs\.com|codecogs\.com/|latex\.php|mimetex|mathtex|/images/math/|s0\.wp\.com/latex|chart\?cht=tx|tex\.cgi"
    r"|/eqn?\.latex|math/render|tex\.z-dn\.net|upmath\.me/svg|render/math\?",
    re.IGNORECASE,
)
_TEX_SIGN = re.compile(r"\\[a-zA-Z]|[\^_]\{?\w|[=<>+]|^\s*-?\w{1,2}\s*$|^[\d.,/]+$")
_WORDS = re.compile(r"[a-zA-Z]{2,}")
_CAPTION = re.compile(r"(?i)\s*(?:equation|formula|image|latex|eqn?)\b[\s\d.]*$")
_WHOLE = re.compile(
    r"(?:\\\((?P<paren>.*)\\\)|\\\[(?P<bracket>.*)\\\]|\$\$(?P<double>.*)\$\$|\$(?P<single>[^$]*)\$"
    r"|(?P<env>\\begin\{(?P<name>[a-zA-Z]+\*?)\}.*\\end\{(?P=name)\}))\s*(?P<rest>[.,;:]?)",
    re.DOTALL,
)
_GROUPS = ("paren", "bracket", "double", "single", "env")
_INNER_DELIMITER = re.compile(r"\\[()\[\]]|(?<!\\)\$")
_TEXT_PARTS = re.compile(r"\\(?:text|mbox|hbox|textrm)\s*\{[^{}]*\}|\\\\\[[^\]]{0,12}\]|\\\\")
_PREFIX = re.compile(r"^(?:\\(?:displaystyle|dpi\{\d+\}|inline|large|fn_\w+|bg_\w+)(?![a-zA-Z])\s*)+")
_WIRIS = str.maketrans({"«": "<", "»": ">", "¨": '"', "§": "&", "`": "'"})
_QUERY_NAME = re.compile(r"^(?:latex|tex|eq|formula|f|math|chl|cht=tx&chl)=|&(?:bg|fg|s|c)=.*$")
_SOURCE_TEX = re.compile(r"\\[a-zA-Z(\[]|\$|[\^_]\{")


def looks_like_tex(text: str) -> bool:
    """Whether some sign of TeX source stands in ``text``."""
    return _SOURCE_TEX.search(text) is not None


def attribute(source: str, name: str) -> str | None:
    """The unescaped value of an attribute in the source of a tag, or None."""
    found = re.search(rf"(?<![\w-]){name}\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", source, re.IGNORECASE)
    return unescape(next(value for value in found.groups() if value is not None)) if found else None


def mathml_element_tex(source: str, content: str) -> tuple[str, bool]:
    """A ``<math>`` element of a start tag and what it holds: annotation, else ``alttext``, else converted by us."""
    annotation = _ANNOTATION.search(content) if "nnotation" in content else None
    tex = unescape(annotation[1]) if annotation else attribute(source, "alttext") or ""
    if not tex.strip() or tex.strip().startswith("<"):
        tex = mathml_to_tex(content)
    display = (attribute(source, "display") or "").lower() == "block"
    return _DISPLAYSTYLE.sub(r"\1", tex), display or (attribute(source, "mode") or "").lower() == "display"


def script_tex(source: str, content: str) -> tuple[str, bool] | None:
    """A ``<script type="math/…">``: TeX, MathML or AsciiMath."""
    kind = _MATH_SCRIPT.search(source)
    if kind is None:
        return None
    name, display = kind[1].lower(), "display" in kind[2]
    if name in ("mml", "mathml"):
        return mathml_to_tex(content[:MAX_MATHML_CHARS]), display or 'display="block"' in content[:400]
    tex = _CDATA.sub("", content)
    if _ESCAPED.search(tex):
        tex = unescape(tex)
    return (asciimath_to_tex(tex[:MAX_ASCIIMATH_CHARS]) if name == "asciimath" else tex), display


def whole_formula(text: str, *, display: bool, sure: bool) -> tuple[str, bool, str] | None:
    """``text`` if all of it is one formula, within delimiters or bare in a ``sure`` place; else None.

    Returns:
        The TeX, whether it is displayed, and the punctuation after its closing delimiter.
    """
    text = text.strip()
    if not text or len(text) > MAX_FORMULA_CHARS:
        return None
    if (
        text[:2] == "\\("
        and text[-2:] == "\\)"
        and "$" not in text
        and text.find("\\(", 2) < 0
        and text.find("\\)") == len(text) - 2
    ):
        return text[2:-2], False, ""
    if match := _WHOLE.fullmatch(text):
        tex = next(match[name] for name in _GROUPS if match[name] is not None)
        if match["env"] is None and match["single"] is None and _INNER_DELIMITER.search(_TEXT_PARTS.sub("", tex)):
            return None
        return tex, match["paren"] is None and match["single"] is None, match["rest"]
    return (text, display, "") if sure and not _INNER_DELIMITER.search(text) else None


def image_tex(source: str) -> tuple[str, bool] | None:
    """An ``<img>`` of a formula: its text between delimiters, its class, or the address of a rendering service."""
    alt = (attribute(source, "data-equation-content") or attribute(source, "alt") or "").strip()
    alt = alt.removeprefix("LaTeX:").strip() or (attribute(source, "data-latex") or "").strip()
    if alt[:1] in ("$", "\\") and (taken := whole_formula(alt, display=False, sure=False)) is not None:
        return taken[0] + taken[2], taken[1]
    address = attribute(source, "src") or attribute(source, "data-lazy-src") or ""
    if not alt and _IMAGE_SERVICE.search(address):
        alt = attribute(source, "title") or ""
    if "data-mathml" in source and (wiris := attribute(source, "data-mathml")):
        return mathml_to_tex(wiris.translate(_WIRIS)), False
    classes = attribute(source, "class") or ""
    service = _IMAGE_SERVICE.search(address)
    if not service and not _IMAGE_CLASS.search(classes):
        return None
    tex = alt if alt and not _is_caption(alt) else _query_tex(address) if service else ""
    tex = _DISPLAYSTYLE.sub(r"\1", tex.strip())
    tex = _bare(unquote(tex) if "%" in tex and "\\%" not in tex else tex)
    sure = _SURE_CLASS.search(classes) is not None and _is_short_term(tex)
    if not (sure or _TEX_SIGN.search(tex)) or len(tex) > MAX_FORMULA_CHARS:
        return None
    return tex, re.search(r"Dsp|display|block|center", classes) is not None


def _is_short_term(tex: str) -> bool:
    """Whether a text may be a term such as ``f(x)`` or ``log(x)``: no words but one, no spaces, some bracket."""
    return "(" in tex and " " not in tex and len(tex) < 40


def _is_caption(alt: str) -> bool:
    """Whether an image's text is words about it (``equation``, ``Formula 3``) and not TeX."""
    return _CAPTION.match(alt) is not None or (not _TEX_SIGN.search(alt) and len(_WORDS.findall(alt)) > 1)


def _query_tex(address: str) -> str:
    """The TeX after the first ``?`` of a rendering service's address: ``latex.codecogs.com/gif.latex?x%5E2``."""
    query = address.partition("?")[2] or address.rpartition("/svg/")[2]
    if "&space;" in query:  # codecogs' own spelling, in which a plus is a plus
        query = query.replace("&space;", " ")
    elif "+" in query and " " not in query:
        query = query.replace("+", " ")
    return _QUERY_NAME.sub("", unquote(query).strip())


def _bare(tex: str) -> str:
    match = _WHOLE.fullmatch(tex.strip())
    if not match or match["env"]:
        return _PREFIX.sub("", tex.strip())
    return next(match[name] for name in _GROUPS[:4] if match[name] is not None)
