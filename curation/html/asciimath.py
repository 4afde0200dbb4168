r"""AsciiMath (asciimath.org) to TeX, by way of MathML.

Example: ``asciimath_to_tex("sum_(i=1)^n i^3=((n(n+1))/2)^2")`` is ``\sum_{i=1}^n i^3=\left(\frac{n(n+1)}{2}\right)^2``.
The grammar is that of ASCIIMathML.js: S = symbol | (E) | unary S | binary S S, I = S_S^S, E = I E | I/I E. What it does
not know are single letters and signs. ``x^a_b`` is read as ``x_b^a``, and colours are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Final

from curation.html.asciimath_markup import (
    Node,
    cells_of,
    group,
    kept,
    sign,
    stripped,
    table_of,
    with_argument,
    with_arguments,
)
from curation.html.asciimath_symbols import Symbol
from curation.html.asciimath_tokens import END, tokens_of
from curation.html.mathml import mathml_to_tex

# Brackets and unary signs inside each other; deeper ones are plain signs.
MAX_DEPTH: Final = 64

# What needs a further level; all else is a leaf.
_WITH_ARGUMENT = frozenset({"over", "under", "brace", "fenced", "font", "enclosed", "binary"})
_NESTING = frozenset({"left", "function", *_WITH_ARGUMENT})


def asciimath_to_tex(text: str) -> str:
    """One formula of AsciiMath, without its delimiters, as TeX; never raises."""
    return mathml_to_tex(asciimath_to_mathml(text))


def asciimath_to_mathml(text: str) -> str:
    """The same formula as presentation MathML."""
    return f"<math>{_Parser(tokens_of(text)).expression().markup}</math>"


class _Parser:
    """Recursive descent over tokens; ``open`` brackets end an expression, ``flat`` ones are too deep to be brackets."""

    def __init__(self, tokens: list[Symbol]) -> None:
        self.tokens = [*tokens, END]
        self.place = 0
        self.depth = 0
        self.open = 0
        self.flat = 0
        self.fonts: list[str] = []

    @property
    def next(self) -> Symbol:
        return self.tokens[self.place]

    def expression(self) -> Node:
        """E: parts side by side up to the end or a right bracket, as one row with its cells."""
        nodes: list[Node] = []
        while self.next is not END and not (self.next.kind == "right" and self.open and not self.flat):
            nodes.append(self.fraction())
        return Node("".join(node.markup for node in nodes), "row", cells=cells_of(nodes) if self.open else ())

    def fraction(self) -> Node:
        """I or I/I."""
        node = self.scripted()
        if self.next.name == "/" and self.tokens[self.place + 1] is not END:
            slash = self.place
            self.place += 1
            if below := self.argument(self.scripted):
                return Node(f"<mfrac>{group(stripped(node))}{group(stripped(below))}</mfrac>")
            self.place = slash
        return node

    def scripted(self) -> Node:
        """I: a simple expression with its scripts; a function takes what follows them."""
        symbol = self.next
        node = Node("<mrow></mrow>") if symbol.name in ("_", "^") else self.simple() or Node("")
        scripts: dict[str, str] = {}
        while self.next.name in ("_", "^") and self.next.name not in scripts:
            mark = self.next.name
            self.place += 1
            script = self.argument(self.simple)
            scripts[mark] = group(stripped(script)) if script else "<mrow></mrow>"
        if not scripts:
            return node
        limits = symbol.kind in ("limits", "brace")
        names = {"_": "munder" if limits else "msub", "^": "mover" if limits else "msup"}
        name = ("munderover" if limits else "msubsup") if len(scripts) == 2 else names[next(iter(scripts))]
        below, above = scripts.get("_", ""), scripts.get("^", "")
        node = Node(f"<{name}>{group(node.markup)}{below}{above}</{name}>")
        if symbol.kind == "function" and self.takes_argument(symbol) and self.depth < MAX_DEPTH:
            return self.applied(node)
        return node

    def takes_argument(self, symbol: Symbol) -> bool:
        """Whether what follows a function is its argument: ``f`` and ``g`` want a bracket."""
        following = self.next
        if following.kind in ("infix", "right", "end") or following.name == "|" or following.text == ",":
            return False
        return len(symbol.name) > 1 or following.name == "("

    def applied(self, function: Node) -> Node:
        self.depth += 1
        node = self.scripted()
        self.depth -= 1
        return Node(f"<mrow>{function.markup}<mo>&#x2061;</mo>{node.markup}</mrow>")

    def argument(self, parse: Callable[[], Node | None]) -> Node | None:
        """What a script or a fraction takes; a minus before it belongs to it."""
        if self.next.text != "-":
            return parse()
        self.place += 1
        node = parse()
        return Node(f"<mrow><mo>-</mo>{node.markup if node else ''}</mrow>")

    def simple(self) -> Node | None:
        """S: one symbol, brackets with what they hold, a unary or binary sign with its arguments."""
        symbol = self.next
        if symbol is END or (symbol.kind == "right" and self.open and not self.flat):
            return None
        self.place += 1
        if symbol.kind == "right" and self.flat:
            self.flat -= 1
        if symbol.kind not in _NESTING or self.depth >= MAX_DEPTH:
            self.flat += symbol.kind == "left"
            return self.leaf(symbol)
        self.depth += 1
        node = self.nested(symbol)
        self.depth -= 1
        return node

    def nested(self, symbol: Symbol) -> Node:
        if symbol.kind == "left":
            return self.bracketed(symbol)
        if symbol.kind == "function":
            leaf = self.leaf(symbol)
            return self.applied(leaf) if self.takes_argument(symbol) else leaf
        if symbol.kind == "font":
            self.fonts.append(symbol.text)
            node = self.simple()
            self.fonts.pop()
        else:
            node = self.simple()
        if node is None:
            return self.leaf(symbol)
        if symbol.kind != "binary":
            return Node(with_argument(symbol, group(stripped(node))))
        second = self.simple()
        return Node(with_arguments(symbol, group(stripped(node)), group(stripped(second)))) if second else node

    def bracketed(self, left: Symbol) -> Node:
        self.open += 1
        flat, self.flat = self.flat, 0
        row = self.expression()
        self.open, self.flat = self.open - 1, flat
        right = self.next
        if right is not END:
            self.place += 1
        if left.text == right.text == "|" and len(row.cells) == 1 and [node.kind for node in row.cells[0]] == ["||"]:
            left = right = Symbol("", "‖")
            row = Node("".join(node.markup for node in row.cells[0][0].cells[0]))
        table = table_of(row.cells, left, right)
        inner = table or row.markup
        opening = sign(left.text, ' fence="true" form="prefix"') if left.text else ""
        closing = sign(right.text, ' fence="true" form="postfix"') if right.text else ""
        brackets = left.text + right.text
        strips = left.text in ("(", "[", "{") and right.text in (")", "]", "}", "") and not table
        cells = row.cells if brackets in ("()", "[]", "||") and not table else ()
        markup = f"<mrow>{opening}{inner}{closing}</mrow>"
        return Node(markup, brackets if cells else "group", inner if strips else None, cells)

    def leaf(self, symbol: Symbol) -> Node:
        text, kind = symbol.text, symbol.kind
        if kind == "text":
            return Node(f"<mtext>{kept(escape(text))}</mtext>")
        if kind == "phrase":
            return Node(f"<mtext>\u00a0{text}\u00a0</mtext>")
        if kind == "letters":
            return Node(f"<mrow><mi>d</mi><mi>{text[1]}</mi></mrow>")
        if kind in _WITH_ARGUMENT:
            return Node(f"<mi>{symbol.name}</mi>")  # its argument is missing
        variant = f' mathvariant="{self.fonts[-1]}"' if self.fonts and len(text) == 1 else ""
        if kind == "number":
            return Node(f"<mn{variant}>{text}</mn>")
        if text.isalpha():
            name = "<mo>&#x2061;</mo>" if kind == "word" and text != "mod" else ""
            return Node(f"<mi{variant}>{text}</mi>{name}")
        return Node(sign(text), text)
