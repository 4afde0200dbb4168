r"""AsciiMath (asciimath.org) to TeX, by way of MathML.

Example: ``asciimath_to_tex("sum_(i=1)^n i^3=((n(n+1))/2)^2")`` is ``\sum_{i=1}^n i^3=\left(\frac{n(n+1)}{2}\right)^2``.
The grammar is that of ASCIIMathML.js: S = symbol | (E) | unary S | binary S S, I = S_S^S, E = I E | I/I E. What it does
not know are single letters and signs. ``x^a_b`` is read as ``x_b^a``, and colours are left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from html import escape
from itertools import pairwise
from typing import Final, NamedTuple

from curation.html.mathml import mathml_to_tex
from curation.html.symbols import SYMBOLS as _CHARACTERS

# Brackets and unary signs inside each other; deeper ones are plain signs.
MAX_DEPTH: Final = 64

# The names that AsciiMath has in common with TeX.
_TEX_NAMES = """
alpha beta chi delta Delta varepsilon epsilon eta gamma Gamma iota kappa lambda Lambda mu nu omega Omega phi varphi
Phi pi Pi psi Psi rho sigma Sigma tau theta vartheta Theta upsilon xi Xi zeta cdot ast star backslash setminus times
ltimes rtimes bowtie div circ oplus ominus otimes odot wedge vee cap cup dagger ddagger neq leq geq prec succ
preceq succeq in notin subset supset subseteq supseteq equiv cong approx sim propto neg forall exists top vdash models
oint partial nabla pm mp emptyset infty aleph ldots therefore because angle triangle frown cdots vdots ddots diamond
square lfloor rfloor hbar uparrow downarrow to rightarrowtail twoheadrightarrow mapsto leftarrow leftrightarrow
Rightarrow Leftarrow Leftrightarrow Downarrow rightleftharpoons int
"""
# What AsciiMath writes, and the TeX name or the characters of it.
_OTHER_NAMES = r"""
epsi epsilon lamda lambda Lamda Lambda * cdot ** ast *** star // / \\ backslash xx times |>< ltimes ><| rtimes |><|
bowtie -: div divide div @ circ o+ oplus o- ominus ox otimes o. odot ^^ wedge vv vee nn cap uu cup dag dagger ddag
ddagger != neq ne neq := := lt < gt > <= leq lt= leq le leq >= geq gt= geq ge geq mlt ll mgt gg -< prec -lt prec >-
succ -<= preceq >-= succeq !in notin sub subset sup supset sube subseteq supe supseteq !sub ⊄ notsubset ⊄ !sup ⊅
notsupset ⊅ !sube ⊈ notsubseteq ⊈ !supe ⊉ notsupseteq ⊉ -= equiv !-= ≢ notequiv ≢ ~= cong ~~ approx ~ sim prop propto
not neg => Rightarrow implies Rightarrow <=> Leftrightarrow iff Leftrightarrow AA forall EE exists _|_ perp bot perp
TT top |-- vdash |== models :|: | del partial grad nabla +- pm -+ mp O/ emptyset oo infty ... ldots :. therefore :'
because /_ angle /_\ triangle ' ′ prime ′ |__ lfloor __| rfloor |~ ⌈ lceiling ⌈ ~| ⌉ rceiling ⌉ CC ℂ NN ℕ QQ ℚ RR ℝ ZZ
ℤ uarr uparrow darr downarrow rarr to rightarrow to -> to >-> rightarrowtail ->> twoheadrightarrow >->> ⤖
twoheadrightarrowtail ⤖ |-> mapsto larr leftarrow harr leftrightarrow rArr Rightarrow lArr Leftarrow dArr Downarrow
hArr Leftrightarrow
"""
_LIMITS = "sum ∑ prod ∏ ^^^ ⋀ bigwedge ⋀ vvv ⋁ bigvee ⋁ nnn ⋂ bigcap ⋂ uuu ⋃ bigcup ⋃ lim lim Lim Lim min min max max"
_FUNCTIONS = """
sin cos tan sinh cosh tanh cot sec csc arcsin arccos arctan arcsec arccsc arccot coth sech csch exp log ln det gcd lcm
Sin Cos Tan Arcsin Arccos Arctan Sinh Cosh Tanh Cot Sec Csc Log Ln f g
"""
_WORDS = "dim mod lub glb"
_LEFT = "( ( [ [ { { |: | (: ⟨ << ⟨ langle ⟨"
_RIGHT = ") ) ] ] } } :| | :) ⟩ >> ⟩ rangle ⟩"
_ACCENTS = "tilde ~ hat ^ bar ¯ overline ¯ vec → dot ˙ ddot ¨ overarc ⌢ overparen ⌢"
_FENCES = "abs || Abs || norm ‖‖ floor ⌊⌋ ceil ⌈⌉"
_FONTS = """
bb bold mathbf bold bold bold sf sans-serif mathsf sans-serif bbb double-struck mathbb double-struck cc script mathcal
script tt monospace mathtt monospace fr fraktur mathfrak fraktur bbit bold-italic sfit sans-serif-italic bbsf
bold-sans-serif bbcc bold-script bbfr bold-fraktur bbsfit sans-serif-bold-italic
"""
_SIGNS = r"""
backslash \ ltimes ⋉ rtimes ⋊ bowtie ⋈ star ⋆ ddagger ‡ preceq ⪯ succeq ⪰ frown ⌢ diamond ⋄ rightarrowtail ↣
twoheadrightarrow ↠ Downarrow ⇓
"""
_CHARS: dict[str, str] = dict(zip(_SIGNS.split()[::2], _SIGNS.split()[1::2], strict=True))
for _char, _tex in _CHARACTERS.items():
    if _tex[:1] == "\\" and _tex[1:].isalpha():
        _CHARS.setdefault(_tex[1:], _char)


class Symbol(NamedTuple):
    """A token: what the grammar does with it and its character or argument, with the name that it was written by."""

    kind: str
    text: str
    name: str = ""


class Node(NamedTuple):
    """MathML of a part; of brackets (kind ``()``) also what they hold, and its cells between commas."""

    markup: str
    kind: str = ""
    inner: str | None = None
    cells: tuple[tuple[Node, ...], ...] = ()


def _pairs(kind: str, words: str) -> dict[str, Symbol]:
    names = words.split()
    return {name: Symbol(kind, text, name) for name, text in zip(names[::2], names[1::2], strict=True)}


def _same(kind: str, words: str) -> dict[str, Symbol]:
    return {name: Symbol(kind, name, name) for name in words.split()}


# Everything that AsciiMath knows by a name or a sign of its own.
SYMBOLS: dict[str, Symbol] = {
    **{name: Symbol("sign", _CHARS[name], name) for name in _TEX_NAMES.split()},
    **{name: Symbol("sign", _CHARS.get(s.text, s.text), name) for name, s in _pairs("", _OTHER_NAMES).items()},
    **_pairs("limits", _LIMITS),
    **_same("function", _FUNCTIONS),
    **_same("word", _WORDS),
    **_pairs("left", _LEFT),
    **_pairs("right", _RIGHT),
    **_pairs("over", _ACCENTS),
    **_pairs("under", "ul _ underline _"),
    **_pairs("brace", "obrace ⏞ overbrace ⏞ ubrace ⏟ underbrace ⏟"),
    **_pairs("fenced", _FENCES),
    **_pairs("font", _FONTS),
    **_same("enclosed", "sqrt cancel"),
    **_same("binary", "root frac stackrel overset underset color id class"),
    **_same("infix", "/ _ ^"),
    **_same("text", "text mbox"),
    **{word: Symbol("phrase", word, word) for word in ("and", "or", "if")},
    **{name: Symbol("letters", name, name) for name in ("dx", "dy", "dz", "dt")},
    "|": Symbol("bar", "|"),
    "{:": Symbol("left", ""),
    ":}": Symbol("right", ""),
    '"': Symbol("text", '"'),
    "\\ ": Symbol("sign", "\u00a0"),
    "quad": Symbol("sign", "\u2003"),
    "qquad": Symbol("sign", "\u2003\u2003"),
}
# The longest name wins; one pattern for each first character keeps the search short.
_NAMES = {
    first: re.compile("|".join(re.escape(name) for name in sorted(SYMBOLS, key=len, reverse=True) if name[0] == first))
    for first in {name[0] for name in SYMBOLS}
}
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?|\.[0-9]+")
_SPACE = re.compile(r"[\s\x00-\x20]+")
_TEXT_ENDS = {"(": ")", "[": "]", "{": "}", '"': '"'}
_END: Final = Symbol("end", "")
_COMMA: Final = Symbol("sign", ",")
# What needs a further level; all else is a leaf.
_WITH_ARGUMENT = frozenset({"over", "under", "brace", "fenced", "font", "enclosed", "binary"})
_NESTING = frozenset({"left", "function", *_WITH_ARGUMENT})


def asciimath_to_tex(text: str) -> str:
    """One formula of AsciiMath, without its delimiters, as TeX; never raises."""
    return mathml_to_tex(asciimath_to_mathml(text))


def asciimath_to_mathml(text: str) -> str:
    """The same formula as presentation MathML."""
    return f"<math>{_Parser(_paired(_tokens(text))).expression().markup}</math>"


def _tokens(text: str) -> list[Symbol]:
    tokens: list[Symbol] = []
    position = 0
    while position < len(text):
        if space := _SPACE.match(text, position):
            position = space.end()
            continue
        if text[position] == "\\" and text[position + 1 : position + 2] not in ("\\", " ", ""):
            position += 1  # names may be written as in TeX
        names = _NAMES.get(text[position])
        name = names.match(text, position) if names else None
        if name:
            token, position = SYMBOLS[name[0]], name.end()
            if token.kind == "text":
                token, position = _text(text, token, position)
        elif number := _NUMBER.match(text, position):
            token, position = Symbol("number", number[0]), number.end()
        else:
            char = text[position]
            token, position = Symbol("letter" if char.isalpha() else "sign", char), position + 1
        tokens.append(token)
    return tokens


def _text(text: str, token: Symbol, position: int) -> tuple[Symbol, int]:
    """``text(words)`` and ``"words"``: up to the first closing bracket, whatever stands between."""
    if token.text == '"':
        position -= 1
    elif space := _SPACE.match(text, position):
        position = space.end()
    closing = _TEXT_ENDS.get(text[position : position + 1])
    if closing is None:
        return Symbol("text", token.name), position
    end = text.find(closing, position + 1)
    if end < 0:
        return (
            (Symbol("text", ""), position + 1) if closing == '"' else (Symbol("text", text[position + 1 :]), len(text))
        )
    return Symbol("text", text[position + 1 : end]), end + 1


def _paired(tokens: list[Symbol]) -> list[Symbol]:
    """``tokens`` with each bar told apart: a left one, a right one, or one in the middle (``P(A|B)``)."""
    opened: list[int] = []  # places of brackets and bars
    last = _END
    for place, token in enumerate(tokens):
        if token.kind == "left":
            opened.append(place)
        elif token.kind == "right":
            while opened and tokens[opened.pop()].kind == "bar":
                pass
        elif token.kind == "bar":
            if opened and tokens[opened[-1]].kind == "bar" and last.kind not in ("infix", "bar"):
                tokens[opened.pop()] = Symbol("left", "|", "|")
                tokens[place] = token = Symbol("right", "|", "|")
            elif tokens[place + 1 : place + 2] != [_COMMA]:
                opened.append(place)
        last = token
    following = [*tokens, _END][1:]
    return [_middle(after) if token.kind == "bar" else token for token, after in zip(tokens, following, strict=True)]


def _middle(after: Symbol) -> Symbol:
    return Symbol("sign", "|" if after.name in ("_", "^") else "∣")  # x^2|_0^1, {x|x>0}


class _Parser:
    """Recursive descent over tokens; ``open`` brackets end an expression, ``flat`` ones are too deep to be brackets."""

    def __init__(self, tokens: list[Symbol]) -> None:
        self.tokens = [*tokens, _END]
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
        while self.next is not _END and not (self.next.kind == "right" and self.open and not self.flat):
            nodes.append(self.fraction())
        return Node("".join(node.markup for node in nodes), "row", cells=_cells(nodes) if self.open else ())

    def fraction(self) -> Node:
        """I or I/I."""
        node = self.scripted()
        if self.next.name == "/" and self.tokens[self.place + 1] is not _END:
            slash = self.place
            self.place += 1
            if below := self.argument(self.scripted):
                return Node(f"<mfrac>{_row(_stripped(node))}{_row(_stripped(below))}</mfrac>")
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
            scripts[mark] = _row(_stripped(script)) if script else "<mrow></mrow>"
        if not scripts:
            return node
        limits = symbol.kind in ("limits", "brace")
        names = {"_": "munder" if limits else "msub", "^": "mover" if limits else "msup"}
        name = ("munderover" if limits else "msubsup") if len(scripts) == 2 else names[next(iter(scripts))]
        below, above = scripts.get("_", ""), scripts.get("^", "")
        node = Node(f"<{name}>{_row(node.markup)}{below}{above}</{name}>")
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
        if symbol is _END or (symbol.kind == "right" and self.open and not self.flat):
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
            return Node(_with_argument(symbol, _row(_stripped(node))))
        second = self.simple()
        return Node(_with_arguments(symbol, _row(_stripped(node)), _row(_stripped(second)))) if second else node

    def bracketed(self, left: Symbol) -> Node:
        self.open += 1
        flat, self.flat = self.flat, 0
        row = self.expression()
        self.open, self.flat = self.open - 1, flat
        right = self.next
        if right is not _END:
            self.place += 1
        if left.text == right.text == "|" and len(row.cells) == 1 and [node.kind for node in row.cells[0]] == ["||"]:
            left = right = Symbol("", "‖")
            row = Node("".join(node.markup for node in row.cells[0][0].cells[0]))
        table = _table(row.cells, left, right)
        inner = table or row.markup
        opening = _sign(left.text, ' fence="true" form="prefix"') if left.text else ""
        closing = _sign(right.text, ' fence="true" form="postfix"') if right.text else ""
        brackets = left.text + right.text
        strips = left.text in ("(", "[", "{") and right.text in (")", "]", "}", "") and not table
        cells = row.cells if brackets in ("()", "[]", "||") and not table else ()
        markup = f"<mrow>{opening}{inner}{closing}</mrow>"
        return Node(markup, brackets if cells else "group", inner if strips else None, cells)

    def leaf(self, symbol: Symbol) -> Node:
        text, kind = symbol.text, symbol.kind
        if kind == "text":
            return Node(f"<mtext>{_kept(escape(text))}</mtext>")
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
        return Node(_sign(text), text)


def _sign(text: str, form: str = "") -> str:
    return f"<mo{form}>{escape(text)}</mo>" if text else ""


def _row(markup: str) -> str:
    return f"<mrow>{markup}</mrow>"


def _kept(text: str) -> str:
    """``text`` with spaces at its ends that MathML does not drop."""
    start, end = text[:1].isspace(), text[-1:].isspace()
    return "\u00a0" * start + text.strip() + "\u00a0" * end


def _stripped(node: Node) -> str:
    """A part without its own brackets: they only group it in a fraction, a script, under a root."""
    return node.markup if node.inner is None else node.inner


def _with_argument(symbol: Symbol, argument: str) -> str:
    kind, text = symbol.kind, symbol.text
    if kind == "enclosed":
        strike = ' notation="updiagonalstrike"'
        return f"<msqrt>{argument}</msqrt>" if text == "sqrt" else f"<menclose{strike}>{argument}</menclose>"
    if kind == "fenced":
        opening, closing = _sign(text[0], ' fence="true" form="prefix"'), _sign(text[1], ' fence="true" form="postfix"')
        return f"<mrow>{opening}{argument}{closing}</mrow>"
    if kind == "font":
        return argument
    name = "munder" if text in "_⏟" else "mover"
    return f"<{name}>{argument}<mo>{text}</mo></{name}>"


def _with_arguments(symbol: Symbol, first: str, second: str) -> str:
    if symbol.text in ("root", "stackrel", "overset", "underset"):
        name = {"root": "mroot", "underset": "munder"}.get(symbol.text, "mover")
        return f"<{name}>{second}{first}</{name}>"
    return f"<mfrac>{first}{second}</mfrac>" if symbol.text == "frac" else second


def _cells(nodes: list[Node]) -> tuple[tuple[Node, ...], ...]:
    cells: list[list[Node]] = [[]]
    for node in nodes:
        if node.kind == ",":
            cells.append([])
        else:
            cells[-1].append(node)
    return tuple(map(tuple, cells))


def _table(rows: tuple[tuple[Node, ...], ...], left: Symbol, right: Symbol) -> str:
    """``[[a,b],[c,d]]``: brackets of one kind with as many cells each are rows; empty if they are none."""
    kinds = {row[0].kind if len(row) == 1 else "" for row in rows}
    if right is _END or not (kinds == {"[]"} or (kinds == {"()"} and right.text != "}")):
        return ""
    table = [[cell for cell in row[0].cells if not _is_line(cell)] for row in rows]
    if len({len(row) for row in table}) != 1 or (len(table) == 1 and len(rows[0][0].cells) == 1):
        return ""
    cases = left.text == "{" and not right.text
    first = [*rows[0][0].cells, ()]
    lines = ["solid" if _is_line(after) else "none" for cell, after in pairwise(first) if not _is_line(cell)]
    attributes = ' columnalign="left"' if cases else f' columnlines="{" ".join(lines)}"' if "solid" in lines else ""
    return f"<mtable{attributes}>{''.join(_table_row(row, cases) for row in table)}</mtable>"


def _is_line(cell: tuple[Node, ...]) -> bool:
    return len(cell) == 1 and cell[0].kind == "∣"


def _table_row(row: list[tuple[Node, ...]], cases: bool) -> str:
    cells = ["".join(node.markup for node in cell) for cell in row]
    if cases:
        cells[1:] = ["".join(cells[1:])] if len(cells) > 1 else []
    return f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in cells)}</mtr>"
