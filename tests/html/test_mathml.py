"""MathML to TeX."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html.mathml import mathml_to_tex

CASES = {
    "<msup><mi>x</mi><mn>2</mn></msup>": "x^{2}",
    "<msub><mi>a</mi><mi>i</mi></msub>": "a_{i}",
    "<msubsup><mi>a</mi><mi>i</mi><mn>2</mn></msubsup>": "a_{i}^{2}",
    "<mfrac><mn>1</mn><mi>n</mi></mfrac>": r"\frac{1}{n}",
    "<mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac>": r"\binom{n}{k}",
    "<msqrt><mi>a</mi><mo>+</mo><mi>b</mi></msqrt>": r"\sqrt{a+b}",
    "<mroot><mi>x</mi><mn>3</mn></mroot>": r"\sqrt[3]{x}",
    "<munderover><mo>&#x2211;</mo><mi>i</mi><mi>n</mi></munderover>": r"\sum_{i}^{n}",
    "<munder><mi>lim</mi><mi>n</mi></munder>": r"\lim_{n}",
    "<mover><mi>x</mi><mo>^</mo></mover>": r"\hat{x}",
    "<mover><mi>v</mi><mo>&rarr;</mo></mover>": r"\vec{v}",
    "<mfenced open='['><mi>a</mi><mi>b</mi></mfenced>": r"\left[ a, b \right)",
    "<mi>&alpha;</mi><mi>x</mi>": r"\alpha x",
    "<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi>": r"\sin x",
    "<mtext>for all</mtext><mspace/><mi>x</mi>": r"\text{for all} x",
    "<mtable><mtr><mtd>1</mtd><mtd>2</mtd></mtr><mtr><mtd>3</mtd><mtd>4</mtd></mtr></mtable>": (
        r"\begin{array}{cc} 1 & 2 \\ 3 & 4 \end{array}"
    ),
    "<mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup>": "x^{2}",
    '<mi mathvariant="double-struck">R</mi>': r"\mathbb{R}",
    "<mi>ℝ</mi><mo>≤</mo><mi>𝐱</mi>": r"\mathbb{R}\leq\mathbf{x}",
    "<semantics><mi>y</mi><annotation>hidden</annotation></semantics>": "y",
}


@pytest.mark.parametrize("markup", CASES)
def test_elements(markup):
    assert mathml_to_tex(f"<math>{markup}</math>") == CASES[markup]


PIECES = [
    "<mrow>",
    "</mrow>",
    "<mi>",
    "</mi>",
    "x",
    "<mfrac>",
    "</mfrac>",
    "<msup>",
    "</msup>",
    "<mtable>",
    "<mtr>",
    "<",
    "&lt;",
    "\\",
]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=30))
def test_any_markup_gives_a_string(parts):
    assert isinstance(mathml_to_tex("".join(parts)), str)
