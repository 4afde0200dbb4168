r"""The names and signs that AsciiMath knows, as ``SYMBOLS``.

Example: ``SYMBOLS["sube"]`` is ``Symbol("sign", "⊆", "sube")``: what the grammar does with it, its character, its name.
Most characters are told by the name that TeX has for them; see `curation.html.symbols`.
"""

from __future__ import annotations

from typing import NamedTuple

from curation.html.symbols import SYMBOLS as CHARACTERS

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
for _char, _tex in CHARACTERS.items():
    if _tex[:1] == "\\" and _tex[1:].isalpha():
        _CHARS.setdefault(_tex[1:], _char)


class Symbol(NamedTuple):
    """A token: what the grammar does with it and its character or argument, with the name that it was written by."""

    kind: str
    text: str
    name: str = ""


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
