r"""Unicode characters of mathematics as TeX commands, and the function names that TeX knows.

Example: ``SYMBOLS["≤"]`` is ``\leq``; ``"sin" in FUNCTIONS``. Every command is one that LaTeX with amsmath and amssymb,
MathJax and KaTeX all know.
"""

from __future__ import annotations

import unicodedata

_NAMES = """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max min Pr
sec sin sinh sup tan tanh
"""
_GREEK = r"""
α alpha β beta γ gamma δ delta ϵ epsilon ε varepsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa ϰ varkappa
λ lambda μ mu µ mu ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon φ varphi ϕ phi χ chi ψ psi
ω omega ϝ digamma Γ Gamma Δ Delta ∆ Delta Θ Theta ϴ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon ϒ Upsilon Φ Phi Ψ Psi
Ω Omega Ω Omega
"""
_SIGNS = r"""
ℵ aleph ℶ beth ℷ gimel ℸ daleth ı imath ȷ jmath 𝚤 imath 𝚥 jmath ð eth ∞ infty ∂ partial 𝜕 partial ∇ nabla ℏ hbar ℓ ell
ℜ Re ℑ Im ℘ wp √ surd ∀ forall ∃ exists ∄ nexists ∅ emptyset ⌀ varnothing ¬ neg ∁ complement ⊤ top ⊥ perp ∠ angle
∡ measuredangle ∢ sphericalangle ‵ backprime ℧ mho Ⅎ Finv ⅁ Game Ⓢ circledS ® circledR § S ¶ P £ pounds ¥ yen
✓ checkmark ✠ maltese ♭ flat ♮ natural ♯ sharp ♠ spadesuit ♡ heartsuit ♥ heartsuit ♢ diamondsuit ♦ diamondsuit
♣ clubsuit ★ bigstar ☆ star □ square ▫ square ◻ square ■ blacksquare ▪ blacksquare ◼ blacksquare ∎ blacksquare
△ triangle ▵ triangle ▽ triangledown ▿ triangledown ▲ blacktriangle ▴ blacktriangle ▼ blacktriangledown
▾ blacktriangledown ◊ lozenge ⧫ blacklozenge ╱ diagup ╲ diagdown … ldots ⋯ cdots ⋮ vdots ⋱ ddots ‥ ldotp
"""
_OPERATORS = r"""
± pm ∓ mp × times ⨯ times ÷ div ∕ / ⁄ / ⋅ cdot · cdot ∙ bullet • bullet ∗ ast ⋆ star ∘ circ ∖ setminus ⧵ setminus
† dagger ‡ ddagger ⨿ amalg ≀ wr ∔ dotplus ⊎ uplus ⊓ sqcap ⊔ sqcup ∧ wedge ∨ vee ∩ cap ∪ cup ⋒ Cap ⋓ Cup ⊕ oplus
⊖ ominus ⊗ otimes ⊘ oslash ⊙ odot ⊚ circledcirc ⊛ circledast ⊝ circleddash ⊞ boxplus ⊟ boxminus ⊠ boxtimes ⊡ boxdot
⊺ intercal ⊻ veebar ⊼ barwedge ⩞ doublebarwedge ⋄ diamond ⋇ divideontimes ⋉ ltimes ⋊ rtimes ⋋ leftthreetimes
⋌ rightthreetimes ⋎ curlyvee ⋏ curlywedge ◯ bigcirc ○ bigcirc ▹ triangleright ▷ triangleright ◃ triangleleft
◁ triangleleft ≤ leq ≥ geq ⩽ leqslant ⩾ geqslant ≦ leqq ≧ geqq ≪ ll ≫ gg ⋘ lll ⋙ ggg ≠ neq ≈ approx ≊ approxeq ≡ equiv
≅ cong ≃ simeq ∼ sim ∽ backsim ⋍ backsimeq ≂ eqsim ∝ propto ≺ prec ≻ succ ⪯ preceq ⪰ succeq ≼ preccurlyeq
≽ succcurlyeq ≾ precsim ≿ succsim ⪷ precapprox ⪸ succapprox ⋞ curlyeqprec ⋟ curlyeqsucc ≲ lesssim ≳ gtrsim
⪅ lessapprox ⪆ gtrapprox ≶ lessgtr ≷ gtrless ⋚ lesseqgtr ⋛ gtreqless ⪋ lesseqqgtr ⪌ gtreqqless ⪕ eqslantless
⪖ eqslantgtr ⋖ lessdot ⋗ gtrdot ≍ asymp ≎ Bumpeq ≏ bumpeq ≐ doteq ≑ doteqdot ≒ fallingdotseq ≓ risingdotseq ≖ eqcirc
≗ circeq ≜ triangleq ≬ between ⋔ pitchfork ⋈ bowtie ⌢ frown ⌣ smile ∈ in ∊ in ∉ notin ∋ ni ∍ backepsilon ⊂ subset
⊃ supset ⊆ subseteq ⊇ supseteq ⊊ subsetneq ⊋ supsetneq ⫅ subseteqq ⫆ supseteqq ⫋ subsetneqq ⫌ supsetneqq ⋐ Subset
⋑ Supset ⊏ sqsubset ⊐ sqsupset ⊑ sqsubseteq ⊒ sqsupseteq ⊢ vdash ⊣ dashv ⊨ models ⊩ Vdash ⊪ Vvdash ⊲ vartriangleleft
⊳ vartriangleright ⊴ trianglelefteq ⊵ trianglerighteq ▸ blacktriangleright ▶ blacktriangleright ◂ blacktriangleleft
◀ blacktriangleleft ⊸ multimap ∴ therefore ∵ because ∦ nparallel ∤ nmid ≮ nless ≯ ngtr ≰ nleq ≱ ngeq ≨ lneqq ≩ gneqq
⪇ lneq ⪈ gneq ⋦ lnsim ⋧ gnsim ⪉ lnapprox ⪊ gnapprox ⊀ nprec ⊁ nsucc ⋠ npreceq ⋡ nsucceq ⋨ precnsim ⋩ succnsim
⪵ precneqq ⪶ succneqq ⪹ precnapprox ⪺ succnapprox ≁ nsim ≇ ncong ⊈ nsubseteq ⊉ nsupseteq ⊬ nvdash ⊭ nvDash ⊮ nVdash
⊯ nVDash ⋪ ntriangleleft ⋫ ntriangleright ⋬ ntrianglelefteq ⋭ ntrianglerighteq → to ← leftarrow ↔ leftrightarrow
↑ uparrow ↓ downarrow ↕ updownarrow ⇒ Rightarrow ⇐ Leftarrow ⇔ Leftrightarrow ⇑ Uparrow ⇓ Downarrow ⇕ Updownarrow
↦ mapsto ⟼ longmapsto ⟶ longrightarrow ⟵ longleftarrow ⟷ longleftrightarrow ⟹ Longrightarrow ⟸ Longleftarrow
⟺ Longleftrightarrow ↪ hookrightarrow ↩ hookleftarrow ↗ nearrow ↘ searrow ↖ nwarrow ↙ swarrow ⇀ rightharpoonup
⇁ rightharpoondown ↼ leftharpoonup ↽ leftharpoondown ↾ upharpoonright ↿ upharpoonleft ⇂ downharpoonright
⇃ downharpoonleft ⇌ rightleftharpoons ⇋ leftrightharpoons ⇄ rightleftarrows ⇆ leftrightarrows ⇉ rightrightarrows
⇇ leftleftarrows ⇈ upuparrows ⇊ downdownarrows ↠ twoheadrightarrow ↞ twoheadleftarrow ↣ rightarrowtail ↢ leftarrowtail
↝ leadsto ⇝ leadsto ↭ leftrightsquigarrow ⇛ Rrightarrow ⇚ Lleftarrow ⇢ dashrightarrow ⇠ dashleftarrow ↛ nrightarrow
↚ nleftarrow ↮ nleftrightarrow ⇏ nRightarrow ⇍ nLeftarrow ⇎ nLeftrightarrow ↰ Lsh ↱ Rsh ↶ curvearrowleft
↷ curvearrowright ↺ circlearrowleft ↻ circlearrowright ↫ looparrowleft ↬ looparrowright
"""
_BIG_OPERATORS = r"""
∑ sum ∏ prod ∐ coprod ∫ int ∬ iint ∭ iiint ⨌ iiiint ∮ oint ∯ oiint ∰ oiiint ⋃ bigcup ⋂ bigcap ⋁ bigvee ⋀ bigwedge
⨀ bigodot ⨁ bigoplus ⨂ bigotimes ⨄ biguplus ⨆ bigsqcup
"""
_OPENING = r"""
( ( [ [ { \{ ⟨ \langle 〈 \langle 〈 \langle ⌊ \lfloor ⌈ \lceil ⟮ \lgroup ⎰ \lmoustache ⌜ \ulcorner ⌞ \llcorner ⟦ [\![
〚 [\![
"""
_CLOSING = r"""
) ) ] ] } \} ⟩ \rangle 〉 \rangle 〉 \rangle ⌋ \rfloor ⌉ \rceil ⟯ \rgroup ⎱ \rmoustache ⌝ \urcorner ⌟ \lrcorner ⟧ ]\!]
〛 ]\!]
"""
# Where TeX has no sign of its own.
_COMPOSED_OPERATORS = r"""
≔ := ≕ =: ∶ : ∷ :: ⩴ ::= ≟ \stackrel{?}{=} ≝ \stackrel{\text{def}}{=} ⊄ \not\subset ⊅ \not\supset ≢ \not\equiv
≉ \not\approx ≄ \not\simeq ∌ \not\ni ⟂ \perp ⫫ \perp\!\!\!\perp ⊦ \vdash ⊧ \models ∣ \mid ∥ \parallel
"""
_COMPOSED = r"""
ⅆ d ⅅ D ⅇ e ⅈ i ⅉ j ℎ h Å \mathring{A} ℩ \iota ❘ | ‖ \| ⦀ |\!|\!| ° ^\circ º ^\circ ℃ ^\circ\mathrm{C}
℉ ^\circ\mathrm{F} ′ ' ″ '' ‴ ''' ⁗ '''' ’ ' ´ ' ʹ ' ＇ ' − - ‐ - ‑ - – - ﹣ - － - ＋ + ＝ = ， , （ ( ） ) ‰ \text{‰}
€ \text{€} ¢ \text{¢} “ \text{“} ” \text{”} ‘ \text{‘} — \text{—} \ \backslash { \{ } \} _ \_ ~ \sim
^ \text{\textasciicircum} % \% # \# & \& $ \$ ` \text{`} " \text{"}
"""


def _table(words: str) -> dict[str, str]:
    pairs = words.split()
    return dict(zip(pairs[::2], pairs[1::2], strict=True))


def _commands(words: str) -> dict[str, str]:
    return {char: "\\" + name if name.isalpha() else name for char, name in _table(words).items()}


# The names of functions, also as MathJax and LaTeXML space them.
FUNCTIONS: dict[str, str] = {name: "\\" + name for name in _NAMES.split()}
FUNCTIONS |= {f"lim{space}{end}": f"\\lim{end}" for space in (" ", "\u2009") for end in ("inf", "sup")} | {
    "mod": "\\bmod"
}
OPERATORS = _commands(_OPERATORS) | _table(_COMPOSED_OPERATORS)
BIG_OPERATORS = _commands(_BIG_OPERATORS)
OPENING, CLOSING = _table(_OPENING), _table(_CLOSING)
BARS = {"|": "|", "∣": "|", "❘": "|", "‖": "\\|", "∥": "\\|", "⦀": "|\\!|\\!|"}
# A script of one of these needs no braces; that of ``\neq`` or ``\sin`` does.
_BARE = ("infty", "circ", "top", "perp", "star", "ast", "dagger", "ell")
BARE_SCRIPTS = frozenset("\\" + name for name in (*_GREEK.split()[1::2], *_BARE))

_ALPHABETS = {
    "double-struck": "\\mathbb",
    "bold-fraktur": "\\mathbf",
    "fraktur": "\\mathfrak",
    "script": "\\mathcal",
    "sans-serif": "\\mathsf",
    "monospace": "\\mathtt",
    "bold": "\\mathbf",
}
SYMBOLS: dict[str, str] = {
    **_commands(_GREEK + _SIGNS),
    **OPERATORS,
    **BIG_OPERATORS,
    **OPENING,
    **CLOSING,
    **_table(_COMPOSED),
    **{char: f"\\mathbb{{{letter}}}" for char, letter in zip("ℂℍℕℙℚℝℤ", "CHNPQRZ", strict=True)},
    **{char: f"\\mathcal{{{letter}}}" for char, letter in zip("ℬℰℱℋℐℒℳℛ", "BEFHILMR", strict=True)},
    **{char: f"\\mathscr{{{letter}}}" for char, letter in zip("ℯℊℴ", "ego", strict=True)},
    **{char: f"\\mathfrak{{{letter}}}" for char, letter in zip("ℭℌℨ", "CHZ", strict=True)},
    # Greek letters that look like Latin ones have no command.
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABEZHIKMNOPTXo", strict=True)),
    # Invisible operators vanish; spaces by their width.
    **dict.fromkeys("\u2061\u2062\u2063\u2064\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\ufe0e\ufe0f\ufe00", ""),
    **dict.fromkeys("\u00a0\u2002\u202f\u3000\u2007\u2008", "\\ "),
    **dict.fromkeys("\u2009\u200a\u2006", "\\,"),
    "\u2003": "\\quad",
    "\u205f": "\\:",
    "\u2005": "\\:",
    "\u2004": "\\;",
}


def styled(command: str, letter: str) -> str:
    r"""``letter`` in an alphabet: Greek and signs have a bold only in ``\boldsymbol``, small script is ``\mathscr``."""
    if command == "\\mathbf" and letter[:1] == "\\":
        return f"\\boldsymbol{{{letter}}}"
    if command == "\\mathcal" and letter.islower():
        return f"\\mathscr{{{letter}}}"
    return letter if letter[:1] == "\\" else f"{command}{{{letter}}}"


def _alphabets() -> dict[str, str]:
    r"""The letters of U+1D400–U+1D7FF: ``𝐱`` is ``\mathbf{x}``, ``𝑥`` is ``x``."""
    letters = {}
    for code in range(0x1D400, 0x1D800):
        name = unicodedata.name(chr(code), "").lower()
        # One step only: normalizing would take the two forms of epsilon, theta, phi for one.
        plain = chr(int(unicodedata.decomposition(chr(code)).removeprefix("<font> ") or f"{code:x}", 16))
        command = next((tex for word, tex in _ALPHABETS.items() if f" {word} " in name), "")
        plain = SYMBOLS.get(plain, plain)
        letters[chr(code)] = styled(command, plain) if command else plain
    return letters


SYMBOLS |= {char: tex for char, tex in _alphabets().items() if char not in SYMBOLS}

# An accent over one letter, and its form over several.
ACCENTS: dict[str, tuple[str, str]] = {
    **dict.fromkeys("^ˆ\u0302", ("\\hat", "\\widehat")),
    **dict.fromkeys("~˜∼\u0303", ("\\tilde", "\\widetilde")),
    **dict.fromkeys("¯ˉ\u0304-−–", ("\\bar", "\\overline")),
    **dict.fromkeys("‾―_—─⎯\u0305\u0332", ("\\overline", "\\overline")),
    **dict.fromkeys("→⟶⇀\u20d7", ("\\vec", "\\overrightarrow")),
    **dict.fromkeys("←⟵\u20d6", ("\\overleftarrow", "\\overleftarrow")),
    **dict.fromkeys("↔\u20e1", ("\\overleftrightarrow", "\\overleftrightarrow")),
    **dict.fromkeys("˙.⋅·∙\u0307", ("\\dot", "\\dot")),
    **dict.fromkeys(("¨", "..", "··", "\u0308"), ("\\ddot", "\\ddot")),
    **dict.fromkeys(("...", "…", "\u20db"), ("\\dddot", "\\dddot")),
    **dict.fromkeys(("....", "\u20dc"), ("\\ddddot", "\\ddddot")),
    **dict.fromkeys("ˇ\u030c", ("\\check", "\\check")),
    **dict.fromkeys("˘\u0306", ("\\breve", "\\breve")),
    **dict.fromkeys("´ˊ\u0301", ("\\acute", "\\acute")),
    **dict.fromkeys("`ˋ\u0300", ("\\grave", "\\grave")),
    **dict.fromkeys("˚\u030a", ("\\mathring", "\\mathring")),
    **dict.fromkeys("⏞︷", ("\\overbrace", "\\overbrace")),
}
UNDER_ACCENTS: dict[str, str] = {
    **dict.fromkeys("_‾¯ˉ―-−–—─⎯\u0332\u0331", "\\underline"),
    **dict.fromkeys("⏟︸", "\\underbrace"),
    "→": "\\underrightarrow",
    "←": "\\underleftarrow",
    "↔": "\\underleftrightarrow",
}
