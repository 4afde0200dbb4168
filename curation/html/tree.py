r"""Formulas that need the parsed tree: rendered MathJax, KaTeX and MediaWiki, of which one reading is kept.

Example: ``<span class="katex">`` holds MathML (by now a mark) and ``katex-html``, the same formula as dozens of spans; the
whole element becomes the mark. All nodes are collected by one query before the first change, because resiliparse 2 refuses
changes during traversal.
"""

from __future__ import annotations

import re
from typing import Any

from curation.html.markers import MARK, Formulas

_NEEDED = re.compile(
    r"class\s*=\s*[\"']?[^\"'>]*?(?:katex|MathJax|mathjax|mjx|MJX|mwe-math|texerror|display:\s*none)|<mjx-", re.IGNORECASE
)
RENDERED = (
    ".katex-display, .katex, .MathJax_Display, .MathJax_SVG_Display, .MathJax_CHTML, .MathJax_SVG, .MathJax, .MathJax_Preview,"
    " .mjx-chtml, mjx-container, .mwe-math-element, .katex-html, .katex-error"
)
_SHOWN = re.compile(r"display|block", re.IGNORECASE)


def needs_tree(html: str) -> bool:
    """Whether the page may hold rendered formulas."""
    return _NEEDED.search(html) is not None


def take_rendered(tree: Any, formulas: Formulas) -> None:
    """Replace every rendered formula of ``tree`` (an ``HTMLTree``) by the mark inside it, or drop it.

    A page's scripts hold the TeX of MathJax 2 beside its output; the output then holds no mark and goes.
    """
    body = tree.body
    if body is None:
        return
    nodes = body.query_selector_all(RENDERED)
    for node in list(nodes.values()):
        text = node.text or ""
        mark = MARK.search(text)
        if mark is None:
            if _is_output(node.class_name or "", text):
                node.text = ""
            continue
        if _SHOWN.search(node.class_name or "") or node.get_attribute("display") == "true":
            formulas.display[int(mark[1])] = True
        node.text = mark[0]


def _is_output(classes: str, text: str) -> bool:
    """Rendered without its TeX; an element that the page's own scripts were still to render keeps its source."""
    return not re.search(r"\\[a-zA-Z(\[]|\$|[\^_]\{", text) or "katex-html" in classes
