r"""Unicode characters of mathematics as TeX commands, and the function names that TeX knows.

Example: ``SYMBOLS["≤"]`` is ``\leq``; ``"sin" in FUNCTIONS``.
"""

from __future__ import annotations

import unicodedata

ACCENTS = {
    "^": "\\hat",
    "ˆ": "\\hat",
    "\\hat{}": "\\hat",
    "~": "\\tilde",
    "˜": "\\tilde",
    "\\sim": "\\tilde",
    "¯": "\\bar",
    "‾": "\\overline",
    "_": "\\underline",
    "→": "\\vec",
    "\\to": "\\vec",
    "\\rightarrow": "\\vec",
    "⃗": "\\vec",
    "˙": "\\dot",
    "⋅": "\\dot",
    ".": "\\dot",
    "¨": "\\ddot",
    "..": "\\ddot",
    "⏞": "\\overbrace",
    "⏟": "\\underbrace",
    "\\overbrace": "\\overbrace",
    "\\underbrace": "\\underbrace",
}
_NAMES = """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max min Pr
sec sin sinh sup tan tanh
"""
FUNCTIONS = frozenset(_NAMES.split())
_PAIRS = r"""
α alpha β beta γ gamma δ delta ϵ epsilon ε varepsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa λ lambda μ mu µ mu
ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon φ varphi ϕ phi χ chi ψ psi ω omega
Γ Gamma Δ Delta ∆ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega
∑ sum ∏ prod ∐ coprod ∫ int ∬ iint ∭ iiint ∮ oint ⋃ bigcup ⋂ bigcap ⋁ bigvee ⋀ bigwedge ⨁ bigoplus ⨂ bigotimes
≤ leq ≥ geq ⩽ leqslant ⩾ geqslant ≪ ll ≫ gg ≠ neq ≈ approx ≡ equiv ≅ cong ≃ simeq ∼ sim ∝ propto ≺ prec ≻ succ
± pm ∓ mp × times ÷ div ⋅ cdot · cdot ∗ ast ⋆ star ∘ circ • bullet ⊕ oplus ⊗ otimes ⊖ ominus ⊙ odot † dagger
∈ in ∉ notin ∋ ni ⊂ subset ⊃ supset ⊆ subseteq ⊇ supseteq ⊊ subsetneq ∪ cup ∩ cap ∖ setminus ∅ emptyset ∧ wedge ∨ vee
¬ neg ∀ forall ∃ exists ∄ nexists ⊢ vdash ⊨ models ⊥ perp ⊤ top ∥ parallel ∣ mid ∠ angle △ triangle □ square
→ to ← leftarrow ↔ leftrightarrow ⇒ Rightarrow ⇐ Leftarrow ⇔ Leftrightarrow ↦ mapsto ⟶ longrightarrow ⟵ longleftarrow
⟹ Longrightarrow ⟺ Longleftrightarrow ↪ hookrightarrow ↑ uparrow ↓ downarrow ↗ nearrow ↘ searrow
⇀ rightharpoonup ⇌ rightleftharpoons
∞ infty ∂ partial ∇ nabla ℏ hbar ℓ ell ℜ Re ℑ Im ℵ aleph ℘ wp √ surd ′ prime … ldots ⋯ cdots ⋮ vdots ⋱ ddots
⟨ langle ⟩ rangle 〈 langle 〉 rangle ⌊ lfloor ⌋ rfloor ⌈ lceil ⌉ rceil ‖ Vert ∴ therefore ∵ because
⏞ overbrace ⏟ underbrace ≜ triangleq
"""
_WORDS = _PAIRS.split()
SYMBOLS: dict[str, str] = {char: "\\" + name for char, name in zip(_WORDS[::2], _WORDS[1::2], strict=True)}
SYMBOLS |= {char: f"\\mathbb{{{letter}}}" for char, letter in zip("ℂℍℕℙℚℝℤ", "CHNPQRZ", strict=True)}
# Invisible operators, spaces, and the minus that is not a hyphen.
SYMBOLS |= {
    "\u2061": "",
    "\u2062": "",
    "\u2063": "",
    "\u2064": "",
    "\u200b": "",
    "\u00a0": " ",
    "\u2003": "\\quad ",
    "\u2009": "\\,",
    "−": "-",
    "′": "'",
    "″": "''",
    "≔": ":=",
    "≰": "\\nleq",
}


def _alphabets() -> dict[str, str]:
    r"""The letters of U+1D400–U+1D7FF: ``𝐱`` is ``\mathbf{x}``, ``𝑥`` is ``x``."""
    commands = {"BOLD": "\\mathbf", "DOUBLE-STRUCK": "\\mathbb", "SCRIPT": "\\mathcal", "FRAKTUR": "\\mathfrak"}
    letters = {}
    for code in range(0x1D400, 0x1D800):
        name = unicodedata.name(chr(code), "")
        plain = unicodedata.normalize("NFKC", chr(code))
        command = next((tex for word, tex in commands.items() if f" {word} " in name), "")
        plain = SYMBOLS.get(plain, plain)
        letters[chr(code)] = f"{command}{{{plain}}}" if command and plain else plain
    return letters


SYMBOLS |= _alphabets()
