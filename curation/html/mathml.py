r"""MathML to TeX, without a parser and without recursion.

Example: ``mathml_to_tex("<math><msup><mi>x</mi><mn>2</mn></msup></math>")`` is ``x^2``. The source is cut into tokens;
``<mi>x</mi>``, and an element of a few such leaves, is one token and converted once per process, other elements are
closed one after the other on a stack. A hostile page with a hundred thousand nested elements costs time in proportion
and no C stack. Presentation and content MathML, broken markup as a browser would read it; an unknown element gives its
children.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from html import unescape

from curation.html.mathml_apply import CONTENT
from curation.html.mathml_attributes import attribute, without_remarks
from curation.html.mathml_content import SEPARATOR, Meaning, constant
from curation.html.mathml_layout import LAYOUTS, group
from curation.html.mathml_node import EMPTY, Node
from curation.html.mathml_operators import CONSTANTS, OPERATORS
from curation.html.mathml_rows import row
from curation.html.mathml_scripts import PRESCRIPTS
from curation.html.mathml_signs import signs
from curation.html.mathml_tables import Table
from curation.html.mathml_tokens import TOKENS, identifier, numeral, words

# TeX itself nests no more than 255 groups; what is deeper joins its ancestor at this depth.
MAX_DEPTH = 255
_CACHED_CHARS = 256
_QUOTED = r"\"[^\"]{0,20000}+\"|'[^']{0,20000}+'"
_ATTRIBUTES = rf"(?:\s(?:[^<>\"'/]++|{_QUOTED}){{0,40}}+)?"
_LEAF = rf"<(?:\w+:)?(?:m[ino]|mtext){_ATTRIBUTES}>[^<]*+</(?:\w+:)?(?:m[ino]|mtext)\s*>\s*+"
_SMALL = r"(?:\w+:)?(?:mrow|msubsup|msu[bp]|mfrac|msqrt|mover|munder|mtd)"
_OTHER = rf"<(?:[^<>\"']++|{_QUOTED}){{0,200}}+>\s*+|[^<]++|<"
_TOKEN = re.compile(rf"<{_SMALL}{_ATTRIBUTES}>\s*+(?:{_LEAF}){{1,4}}+</{_SMALL}\s*>\s*+|{_LEAF}|{_OTHER}")
_SMALLER_TOKEN = re.compile(rf"{_LEAF}|{_OTHER}")
_PARTS = re.compile(rf"<(/?)\s*(?:[\w-]+:)?([a-zA-Z][\w.-]*)((?:[^<>\"'/]++|{_QUOTED}|/(?!>))*+)(/?)>")
_VOID = frozenset(
    {"maligngroup", "malignmark", "mglyph", "mprescripts", "mspace", "none", "sep", *OPERATORS, *CONSTANTS}
)
_ANNOTATION = "annotation"
_TEXT = "text"
# Their text is kept until they close; in other elements it is read at once.
_LEAVES: dict[str, Callable[[str, str], Node]] = {
    **TOKENS,
    "ci": identifier,
    "cn": numeral,
    "cs": words,
    "csymbol": identifier,
}
_KNOWN = frozenset({*LAYOUTS, *CONTENT, *_LEAVES, *_VOID, "semantics", "mphantom"})


class _Tag:
    """A tag; ``alone`` if it begins an element without content, ``layout`` what closes an element of presentation.

    ``space`` comes after it, which counts in a text.
    """

    __slots__ = ("alone", "attributes", "closes", "layout", "name", "space")

    def __init__(self, name: str, attributes: str, *, closes: bool, alone: bool, space: str) -> None:
        self.name = name
        self.attributes = attributes
        self.closes = closes
        self.alone = alone
        self.layout = LAYOUTS.get(name)
        self.space = space


def mathml_to_tex(markup: str) -> str:
    """The TeX of one formula, given as source text: a ``<math>`` element or what is inside of it."""
    if "<" not in markup:
        return unescape(markup).strip()  # old wikis and blogs write TeX into the element
    reader = _Reader()
    reader.read(_TOKEN.findall(without_remarks(markup)))
    return reader.result()


def _parse(token: str) -> Node | _Tag | list[str] | str:
    """A piece of the source: a finished element, a tag, text; smaller pieces if it only looked like an element."""
    found = _PARTS.match(token)
    if not found:
        return unescape(token)
    name, attributes = found[2].lower(), found[3]
    if name in LAYOUTS and token.find("<", found.end()) > 0:
        pieces = _SMALLER_TOKEN.findall(token)
        return _Reader().only(pieces) or pieces
    if name in TOKENS and (end := token.rfind("<", found.end())) > 0:
        return TOKENS[name](unescape(token[found.end() : end]), attributes)
    alone = bool(found[4]) or name in _VOID
    return _Tag(name, attributes, closes=bool(found[1]), alone=alone, space=token[found.end() :])


# Most leaves and tags of a page come again and again.
_parse_again = lru_cache(maxsize=16384)(_parse)


class _Reader:
    """The elements that are open, innermost last, and what the innermost holds so far."""

    def __init__(self) -> None:
        self.name = "math"
        self.children: list[Node] = []
        self._opened: list[tuple[_Tag, list[Node]]] = []  # with the children of what is around them
        self._names = ["math"]
        self._deeper = 0

    def read(self, tokens: list[str]) -> None:
        """All of the source, in order."""
        children = self.children
        for token in tokens:
            piece = _parse_again(token) if len(token) <= _CACHED_CHARS else _parse(token)
            if piece.__class__ is Node:
                children.append(piece)
                continue
            if isinstance(piece, _Tag):
                if piece.closes:
                    self._close(piece)
                else:
                    self._open(piece)
            elif isinstance(piece, str):
                self._add_text(piece)
            elif isinstance(piece, list):
                self.read(piece)
            children = self.children

    def only(self, tokens: list[str]) -> Node | None:
        """The one element that ``tokens`` are, or None if they are anything else."""
        self.read(tokens)
        return self.children[0] if not self._opened and len(self.children) == 1 else None

    def result(self) -> str:
        """The TeX of all of it, once the source is at its end."""
        while self._opened:
            self._pop()
        node = group(self.children, "")
        numbered = node.parts.numbered if isinstance(node.parts, Table) else ""
        return (numbered or node.tex).strip()

    def _add_text(self, text: str) -> None:
        """Text between tags: what a leaf holds, or signs that stand in a row without an element of their own."""
        if self.name in _LEAVES or self.name == _ANNOTATION:
            self.children.append(Node(text, _TEXT))
        elif text.strip():
            self.children.append(signs(" ".join(text.split())))

    def _open(self, tag: _Tag) -> None:
        if tag.alone and tag.name in _VOID:
            self.children += _void(tag)
        elif self.name in _LEAVES and tag.name not in _KNOWN:
            self.children.append(Node(tag.space, _TEXT))  # emphasis in a text
        elif len(self._names) > MAX_DEPTH:
            self._deeper += not tag.alone
        else:
            self._opened.append((tag, self.children))
            self._names.append(tag.name)
            self.name = tag.name
            self.children = []
            if tag.alone:
                self._pop()

    def _close(self, tag: _Tag) -> None:
        """Closes the element and what is open within; an end tag without its beginning is passed over."""
        name = tag.name
        if self._deeper:
            self._deeper -= 1
        elif self.name == name and self._opened:
            self._pop()
        elif name in self._names[1:]:
            while self.name != name:
                self._pop()
            self._pop()
        elif self.name in _LEAVES:
            self.children.append(Node(tag.space, _TEXT))

    def _pop(self) -> None:
        tag, around = self._opened.pop()
        del self._names[-1]
        self.name = self._names[-1]
        if tag.layout:
            around.append(tag.layout(self.children, tag.attributes))
        else:
            around += _convert(tag.name, tag.attributes, self.children, self.name)
        self.children = around


def _void(tag: _Tag) -> list[Node]:
    """An element that holds nothing, even where its tag does not say so."""
    name = tag.name
    if name == "mspace":
        return [TOKENS[name]("", tag.attributes)]
    if name == "mglyph":
        return [words(attribute(tag.attributes, "alt") or "", "")]
    if name in ("maligngroup", "malignmark"):
        return []
    return [{"mprescripts": PRESCRIPTS, "none": EMPTY, "sep": SEPARATOR}.get(name) or constant(name, tag.attributes)]


def _convert(name: str, attributes: str, children: list[Node], parent: str) -> list[Node]:
    """What an element that is no layout gives to its parent: one node, or nothing."""
    if name in _LEAVES:
        return [_leaf(name, attributes, children)]
    if name in CONTENT:
        return [CONTENT[name](children, attributes)]
    if name in (_ANNOTATION, "annotation-xml"):
        return [_annotation(name, attributes, children)] if parent == "semantics" else []
    if name == "semantics":
        return [_semantics(children)]
    if name in ("mphantom", "declare"):
        return [EMPTY] if name == "mphantom" else []
    return [group(children, attributes)]


def _leaf(name: str, attributes: str, children: list[Node]) -> Node:
    """A leaf with other elements in it: emphasis in a text, an image in an identifier."""
    nodes: list[Node] = []
    text: list[str] = []
    for child in [*children, EMPTY]:
        if child.kind == _TEXT:
            text.append(child.tex)
            continue
        if text and "".join(text).strip():
            nodes.append(_LEAVES[name]("".join(text), attributes))
        text = []
        nodes += [child] if child is not EMPTY else []
    if name in CONTENT:
        return CONTENT[name](nodes, attributes)
    return row(nodes) if nodes else _LEAVES[name]("", attributes)


def _annotation(name: str, attributes: str, children: list[Node]) -> Node:
    inside = Node("".join(child.tex for child in children)) if name == _ANNOTATION else group(children, "")
    return Node(inside.tex, _ANNOTATION, inside.after, tall=inside.tall, parts=(attributes.lower(), inside))


def _semantics(children: list[Node]) -> Node:
    """The presentation: the first child, or the annotation that says it is one, or any TeX."""
    shown = [child for child in children if child.kind != _ANNOTATION]
    if shown and shown[0].tex and not isinstance(shown[0].parts, Meaning):
        return shown[0]
    annotations = [child.parts for child in children if isinstance(child.parts, tuple) and child.kind == _ANNOTATION]
    for wanted in ("presentation", "tex", "content"):
        for attributes, node in annotations:
            if wanted in attributes and node.tex and (wanted == "presentation" or not shown):
                return node
    return shown[0] if shown else EMPTY
