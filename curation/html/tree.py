r"""Formulas that need the parsed tree: rendered MathJax, KaTeX and MediaWiki, of which one reading is kept.

Example: ``<span class="katex">`` holds MathML (by now a mark) and ``katex-html``, the same formula as dozens of spans;
the whole element becomes the mark. All nodes are collected by one query before the first change, because resiliparse 2
refuses changes during traversal.
"""

from __future__ import annotations

import re
from typing import Any

from curation.html.markers import MARK, Formulas

# Classes, and elements of MathJax 3. Compared exactly: in pages without a doctype selectors ignore case, and
# ``mathjax`` in small letters is a whole article.
_CLASSES = (
    "katex-display",
    "katex",
    "MathJax_Display",
    "MathJax_SVG_Display",
    "MathJax_CHTML",
    "MathJax_SVG",
    "MathJax",
    "MathJax_Preview",
    "mjx-chtml",
    "mwe-math-element",
    "katex-html",
    "katex-error",
)
_RENDERED = ", ".join([*("." + name for name in _CLASSES), "mjx-container"])
_SIGNS = ("katex", "MathJax", "mjx-", "mwe-math-element")
_SHOWN = re.compile(r"display|block", re.IGNORECASE)
_TEX = re.compile(r"\\[a-zA-Z(\[]|\$|[\^_]\{")
MAX_OUTPUT_CHARS = 5_000


def needs_tree(html: str) -> bool:
    """Whether the page may hold rendered formulas."""
    return any(sign in html for sign in _SIGNS)


def take_rendered(tree: Any, formulas: Formulas) -> None:
    """Replace every rendered formula of ``tree`` (an ``HTMLTree``) by the mark inside it, or drop it.

    A page's scripts hold the TeX of MathJax 2 beside its output; the output then holds no mark and goes.
    """
    body = tree.body
    if body is None:
        return
    for node in list(body.query_selector_all(_RENDERED).values()):
        classes = (node.class_name or "").split()
        if node.tag != "mjx-container" and not any(name in _CLASSES for name in classes):
            continue
        text = node.text or ""
        marks = set(MARK.findall(text))
        if len(marks) == 1:
            _keep_mark(node, int(marks.pop()), formulas)
        elif not marks and _is_output(classes, text):
            node.text = ""


def _keep_mark(node: Any, number: int, formulas: Formulas) -> None:
    if _SHOWN.search(node.class_name or "") or node.get_attribute("display") == "true":
        formulas.display[number] = True
    node.text = formulas.mark(number)


def _is_output(classes: list[str], text: str) -> bool:
    """Rendered without its TeX; an element that the page's own scripts were still to render keeps its source."""
    return "katex-html" in classes or (len(text) < MAX_OUTPUT_CHARS and not _TEX.search(text))
