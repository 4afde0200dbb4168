r"""Formulas taken from the page's source before it is parsed: MathML, math scripts, images, elements that are all TeX.

Example: ``<p>Let <script type="math/tex">x^2</script>`` becomes ``<p>Let `` and the mark of ``x^2``. Doing this on the
string is what keeps pages with thousands of MathML nodes linear: the parser never sees them. Every search here either
moves forward through the string or remembers that there is nothing more to find.
"""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import unquote

from curation.html.markers import Formulas
from curation.html.mathml import mathml_to_tex

MAX_FORMULA_CHARS = 20_000
MAX_MATHML_CHARS = 400_000

_ATTRIBUTES = r"((?:[^<>\"']++|\"[^\"]{0,20000}+\"|'[^']{0,20000}+'){0,200}+)"
_OPENING = re.compile(rf"(?<!=[\"'])<((?:\w{{1,9}}:)?math|script|img)\b{_ATTRIBUTES}>", re.IGNORECASE)
_MATH_SCRIPT = re.compile(r"\btype\s*=\s*[\"']?\s*math/(tex|latex|mml|mathml)\b([^\"'>]*)", re.IGNORECASE)
# The look-ahead only saves calls: most elements are none of ours.
_LEAF = re.compile(
    r"<(d-math|dt-math|mathjax|tex-math|la-tex|tex|(?:span|div|p|code|eq|em)"
    r"(?=\s[^<>]*?(?:[mM]ath|[tT]e[xX]|equation|formula)))\b([^<>]*)>([^<]*)</\1\s*>",
    re.IGNORECASE,
)
_LEAF_CLASS = re.compile(
    r"class\s*=\s*[\"']?[^\"'>]*?(?<![\w-])(?:math|math-container|math-inline|math-display|math-block|wp-katex-eq|tex|latex"
    r"|katex|katex-inline|katex-display|katex-block|katex-src|process-math|displaymath|inlinemath|mathjax_process|MathJax_Preview"
    r"|equation|language-math|SimpleMath|formula|arithmatex|mathjax|mathjax-inline|mathjax-block|kdmath)(?![\w-])",
    re.IGNORECASE,
)
# These classes are given only to formulas: what they hold is TeX even without delimiters.
_SURE_CLASS = re.compile(
    r"(?<![\w-])(?:math-container|math (?:inline|display)|wp-katex-eq|katex-src|process-math|math notranslate"
    r"|language-math)(?![\w-])"
)
_DISPLAY = re.compile(r"(?<![a-z])(?:display|block|displaymath|katex-display)(?![a-z])", re.IGNORECASE)
_DATA_EXPR = re.compile(
    r"<(span|div|img)\b(?=[^<>]*\bclass\s*=\s*[\"'][^\"']*\b(?:tex|katex)\b)[^<>]*?\bdata-(?:expr|tex|latex)\s*=\s*"
    r"(?:\"([^\"<>]{1,20000}+)\"|'([^'<>]{1,20000}+)')[^<>]*>",
    re.IGNORECASE,
)
_ANNOTATION = re.compile(
    r"<(?:\w{1,9}:)?annotation\b[^<>]{0,200}?encoding\s*=\s*[\"']?(?:application/x-tex|tex|latex|application/x-latex)[\"']?[^<>]*>"
    r"([^<]*)<",
    re.IGNORECASE,
)
_IMAGE_CLASS = re.compile(
    r"(?<![\w-])(?:formulaInl|formulaDsp|latex|tex|latexcenter|latexdisplay|latexblock|latexblockcenter|x-ck12[\w-]*"
    r"|mwe-math-fallback-image-inline|mwe-math-fallback-image-display|mwe-math-fallback-image|math|ql-img-inline-formula"
    r"|ql-img-displayed-equation|texrender|equation_image|ee_img|Wirisformula|MathJax_SVG|mimetex)(?![\w-])"
)
_IMAGE_SERVICE = re.compile(
    r"latex\.codecogs\.com|codecogs\.com/|latex\.php|mimetex|mathtex|/images/math/|s0\.wp\.com/latex|chart\?cht=tx|tex\.cgi"
    r"|/eqn?\.latex|math/render",
    re.IGNORECASE,
)
_TEX_SIGN = re.compile(r"\\[a-zA-Z]|[\^_]\{?\w|[=<>+]|^\s*-?\w{1,2}\s*$|^[\d.,/]+$")
_WHOLE = re.compile(
    r"(?:\\\((?P<paren>.*)\\\)|\\\[(?P<bracket>.*)\\\]|\$\$(?P<double>.*)\$\$|\$(?P<single>[^$]*)\$"
    r"|(?P<env>\\begin\{(?P<name>[a-zA-Z]+\*?)\}.*\\end\{(?P=name)\}))\s*[.,;:]?",
    re.DOTALL,
)
_INNER_DELIMITER = re.compile(r"\\[()\[\]]|(?<!\\)\$")


def take_elements(html: str, formulas: Formulas) -> str:
    """``html`` with MathML, math scripts and formula images replaced by marks."""
    pieces: list[str] = []
    position = 0
    exhausted: set[str] = set()
    for match in _OPENING.finditer(html):
        if match.start() < position:
            continue
        name, attributes = match[1].lower(), match[2]
        if name == "img":
            replacement, end = _image(attributes, formulas), match.end()
        elif name == "script":
            replacement, end = _script(html, match, formulas, exhausted)
        else:
            replacement, end = _mathml(html, match, formulas, exhausted)
        if replacement is not None:
            pieces += (html[position : match.start()], replacement)
            position = end
    pieces.append(html[position:])
    return "".join(pieces)


def take_leaves(html: str, formulas: Formulas) -> str:
    """``html`` with the contents of elements that hold one formula and nothing else replaced by marks."""

    def replace(match: re.Match[str]) -> str:
        tag, attributes, content = match.groups()
        tag = tag.lower()
        own_element = tag in ("d-math", "dt-math", "tex-math", "la-tex", "tex")
        if not own_element and tag != "mathjax" and not _LEAF_CLASS.search(attributes):
            return match[0]
        sure = own_element or _SURE_CLASS.search(attributes) is not None
        block = tag in ("div", "p") or _DISPLAY.search(attributes) is not None
        mark = whole_formula(unescape(content), formulas, display=block, sure=sure)
        # The element itself goes: extractors leave some of them out by their class.
        return match[0] if mark is None else f"<{tag}>{mark}</{tag}>" if tag in ("div", "p") else mark

    if _DATA_EXPR.search(html):
        html = _DATA_EXPR.sub(lambda m: f"<{m[1]}>" + formulas.keep(unescape(m[2] or m[3]), display=False), html)
    return _LEAF.sub(replace, html)


def whole_formula(text: str, formulas: Formulas, *, display: bool, sure: bool) -> str | None:
    """The mark of ``text`` if all of it is one formula (within delimiters, or bare in a ``sure`` place), else None."""
    text = text.strip()
    if not text or len(text) > MAX_FORMULA_CHARS:
        return None
    if match := _WHOLE.fullmatch(text):
        tex = next(match[name] for name in ("paren", "bracket", "double", "single", "env") if match[name] is not None)
        if match["env"] is None and match["single"] is None and _INNER_DELIMITER.search(_without_text(tex)):
            return None
        shown = match["bracket"] is not None or match["double"] is not None or match["env"] is not None
        after = text[-1] if text[-1] in ".,;:" else ""
        return formulas.keep(tex, display=shown) + after
    if sure and not _INNER_DELIMITER.search(text) and "\ufdd0" not in text:
        return formulas.keep(text, display=display)
    return None


def _without_text(tex: str) -> str:
    return re.sub(r"\\(?:text|mbox|hbox|textrm)\s*\{[^{}]*\}|\\\\\[[^\]]{0,12}\]|\\\\", "", tex)


def attribute(attributes: str, name: str) -> str | None:
    """The unescaped value of an attribute in the source text of a tag, or None."""
    found = re.search(rf"(?<![\w-]){name}\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", attributes, re.IGNORECASE)
    return unescape(next(value for value in found.groups() if value is not None)) if found else None


def _end_of(html: str, closing: re.Pattern[str], start: int, exhausted: set[str]) -> re.Match[str] | None:
    """The next closing tag; once there is none, never search again (a page may open a million elements)."""
    if closing.pattern in exhausted:
        return None
    found = closing.search(html, start)
    if found is None:
        exhausted.add(closing.pattern)
    return found


_SCRIPT_END = re.compile(r"</script\s*>", re.IGNORECASE)
_MATH_END = re.compile(r"</(?:\w{1,9}:)?math\s*>", re.IGNORECASE)


def _script(html: str, match: re.Match[str], formulas: Formulas, exhausted: set[str]) -> tuple[str | None, int]:
    kind = _MATH_SCRIPT.search(match[2])
    end = _end_of(html, _SCRIPT_END, match.end(), exhausted)
    if kind is None or end is None:
        # Not ours, but what it holds is no markup either.
        return (None, 0) if end is None else (match[0] + html[match.end() : end.end()], end.end())
    content = html[match.end() : end.start()]
    if kind[1].lower() in ("mml", "mathml"):
        tex = mathml_to_tex(content[:MAX_MATHML_CHARS])
    else:
        tex = re.sub(r"^\s*(?:%\s*)?<!\[CDATA\[|(?:%\s*)?\]\]>\s*$", "", content)
        tex = unescape(tex) if "&" in tex and re.search(r"&(?:lt|gt|amp);", tex) else tex
    return formulas.keep(tex[:MAX_FORMULA_CHARS], display="display" in kind[2]), end.end()


def _mathml(html: str, match: re.Match[str], formulas: Formulas, exhausted: set[str]) -> tuple[str | None, int]:
    end = _end_of(html, _MATH_END, match.end(), exhausted)
    if end is None:
        return None, 0
    attributes, content = match[2], html[match.end() : min(end.start(), match.end() + MAX_MATHML_CHARS)]
    annotation = _ANNOTATION.search(content) if "nnotation" in content else None
    tex = unescape(annotation[1]) if annotation else attribute(attributes, "alttext") or ""
    if not tex.strip() or tex.strip().startswith("<"):
        tex = mathml_to_tex(content)
    tex = re.sub(r"^\s*\{\s*\\displaystyle(?![a-zA-Z])(.*)\}\s*$", r"\1", tex, flags=re.DOTALL)
    display = (attribute(attributes, "display") or "").lower() == "block"
    display = display or (attribute(attributes, "mode") or "").lower() == "display"
    return formulas.keep(tex[:MAX_FORMULA_CHARS], display=display), end.end()


def _image(attributes: str, formulas: Formulas) -> str | None:
    alt = (attribute(attributes, "alt") or attribute(attributes, "data-latex") or "").strip()
    source = attribute(attributes, "src") or attribute(attributes, "data-lazy-src") or ""
    classes = attribute(attributes, "class") or ""
    service = _IMAGE_SERVICE.search(source)
    if alt[:1] in ("$", "\\") and (mark := whole_formula(alt, formulas, display=False, sure=False)) is not None:
        return mark
    if not service and not _IMAGE_CLASS.search(classes):
        return None
    tex = alt if alt and not _is_caption(alt) else _query_tex(source) if service else ""
    tex = re.sub(r"^\s*\{\s*\\displaystyle(?![a-zA-Z])(.*)\}\s*$", r"\1", tex.strip(), flags=re.DOTALL)
    tex = _strip_delimiters(unquote(tex) if "%" in tex and "\\%" not in tex else tex)
    display = re.search(r"Dsp|display|block|center", classes) is not None
    return formulas.keep(tex, display=display) if _TEX_SIGN.search(tex) and len(tex) <= MAX_FORMULA_CHARS else None


def _is_caption(alt: str) -> bool:
    """Whether an image's text is words about it (``equation``, ``Formula 3``) and not TeX."""
    return (
        not _TEX_SIGN.search(alt)
        or re.match(r"(?i)\s*(?:equation|formula|image|latex|eqn?)\b[\s\d.]*$", alt) is not None
    )


def _query_tex(source: str) -> str:
    """The TeX after the first ``?`` of a rendering service's address: ``latex.codecogs.com/gif.latex?x%5E2``."""
    query = unquote(
        source.partition("?")[2].replace("+", " ") if "+" in source and " " not in source else source.partition("?")[2]
    )
    return re.sub(r"^(?:latex|tex|eq|formula|chl|cht=tx&chl)=|&(?:bg|fg|s|c)=.*$", "", query)


def _strip_delimiters(tex: str) -> str:
    match = _WHOLE.fullmatch(tex.strip())
    if not match or match["env"]:
        return re.sub(r"^\\(?:displaystyle|dpi\{\d+\}|inline|large|fn_\w+)\s*", "", tex.strip())
    return next(match[name] for name in ("paren", "bracket", "double", "single") if match[name] is not None)
