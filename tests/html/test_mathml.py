"""MathML to TeX: one small formula for every element, and markup that is broken in every way."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html.mathml import mathml_to_tex
from curation.html.symbols import SYMBOLS

TOKENS = {
    "<mi>x</mi>": "x",
    "<mi>&alpha;</mi><mi>x</mi>": r"\alpha x",
    "<mi> x\n </mi>": "x",
    "<mi>abc</mi>": r"\mathrm{abc}",
    "<mi>sin</mi><mo>&#x2061;</mo><mi>x</mi>": r"\sin x",
    "<mi>sin</mi><mi>&theta;</mi>": r"\sin \theta",
    "<mi>Var</mi><mo>&#x2061;</mo><mi>X</mi>": r"\operatorname{Var} X",
    "<mi>arg max</mi><mo>&ApplyFunction;</mo><mi>f</mi>": r"\operatorname{arg\,max} f",
    "<mi>слово</mi>": r"\text{слово}",
    "<mi>x̂</mi>": r"\hat{x}",
    '<mi mathvariant="double-struck">R</mi>': r"\mathbb{R}",
    "<mi mathvariant='bold'>x</mi><mi mathvariant='bold'>&beta;</mi>": r"\mathbf{x}\boldsymbol{\beta}",
    "<mi mathvariant=bold-italic>v</mi>": r"\boldsymbol{v}",
    '<mi mathvariant="normal">d</mi><mi mathvariant="normal">e</mi>': r"\mathrm{de}",
    '<mi mathvariant="normal">∇</mi>': r"\nabla",
    '<mi mathvariant="italic">x</mi>': "x",
    "<mi>ℝ</mi><mo>≤</mo><mi>𝐱</mi>": r"\mathbb{R} \leq \mathbf{x}",
    "<mi>𝜖</mi><mi>𝜀</mi><mi>ℒ</mi>": r"\epsilon\varepsilon\mathcal{L}",
    "<mn>1,234.5</mn>": "1,234.5",
    "<mn>50%</mn>": r"50\%",
    "<mn>10⁻³</mn>": "10^{-3}",
    "<mn>½</mn>": r"\frac{1}{2}",
    "<mn>XIV</mn>": r"\mathrm{XIV}",
    "<mi>x</mi><mo>&#8722;</mo><mi>y</mi>": "x-y",
    "<mi>x</mi><mo>&InvisibleTimes;</mo><mi>y</mi>": "xy",
    "<mi>A</mi><mo>&sube;</mo><mi>B</mi>": r"A \subseteq B",
    "<mo>{</mo><mi>x</mi><mo>}</mo>": r"\{x\}",
    "<mo>mod</mo><mi>n</mi>": r"\bmod n",
    "<mo>:=</mo>": ":=",
    "<mi>f</mi><mo>′</mo>": "f'",
    "<mn>90</mn><mo>°</mo>": r"90^\circ",
    '<mo minsize="1.2em" maxsize="1.2em">(</mo>': r"\big(",
    "<mo>∑</mo><mi>a</mi>": r"\sum a",
    "<mo>⊞</mo>": r"\boxplus",
    "<mi>x</mi><mo>=&#x338;</mo><mi>y</mi>": r"x \not = y",
    "<mtext>for all</mtext><mspace/><mi>x</mi>": r"\text{for all} x",
    "<mtext>&nbsp;if&nbsp;</mtext><mi>x</mi>": r"\text{ if }x",
    "<mtext>a_b \\ 5% $c ≤ 1</mtext>": r"\text{a\_b \textbackslash{} 5\% \$c } \leq \text{ 1}",
    "<mtext>a <b>bold</b> word</mtext>": r"\text{a bold word}",
    "<mtext>,</mtext>": ",",
    "<ms>x</ms>": r'\text{"x"}',
    '<mi>x</mi><mspace width="1em"/><mi>y</mi>': r"x\quad y",
    '<mi>x</mi><mspace width="thinmathspace"></mspace><mi>y</mi>': r"x\,y",
    '<mspace width="2em"/><mi>x</mi>': "x",
}
LAYOUT = {
    "<mfrac><mn>1</mn><mi>n</mi></mfrac>": r"\frac{1}{n}",
    "<mrow><mo>(</mo><mfrac linethickness='0'><mi>n</mi><mi>k</mi></mfrac><mo>)</mo></mrow>": r"\binom{n}{k}",
    "<mfrac linethickness='0pt'><mi>n</mi><mi>k</mi></mfrac>": r"{n \atop k}",
    "<mfrac linethickness='2px'><mi>n</mi><mi>k</mi></mfrac>": r"\frac{n}{k}",
    "<mfrac bevelled='true'><mn>1</mn><mn>2</mn></mfrac>": "1/2",
    "<msqrt><mi>a</mi><mo>+</mo><mi>b</mi></msqrt>": r"\sqrt{a+b}",
    "<mroot><mi>x</mi><mn>3</mn></mroot>": r"\sqrt[3]{x}",
    "<mrow><mo>(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>)</mo></mrow>": r"\left( \frac{a}{b} \right)",
    "<mrow><mo stretchy='false'>(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo stretchy='false'>)</mo></mrow>": (
        r"(\frac{a}{b})"
    ),
    "<mo>(</mo><mi>a</mi><mo>+</mo><mi>b</mi><mo>)</mo>": "(a+b)",
    "<mo>|</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><mo>|</mo>": r"\left| \frac{a}{b} \right|",
    "<mi>P</mi><mo>(</mo><mi>A</mi><mo>|</mo><mi>B</mi><mo>)</mo>": "P(A|B)",
    "<mo form='prefix'>]</mo><mn>0</mn><mo>,</mo><mn>1</mn><mo form='postfix'>[</mo>": "]0,1[",
    "<mfenced open='['><mi>a</mi><mi>b</mi></mfenced>": "[a,b)",
    "<mfenced open='{' close='}' separators=';|'><mi>a</mi><mi>b</mi><mi>c</mi></mfenced>": r"\{a;b|c\}",
    "<mfenced><mfrac><mi>a</mi><mi>b</mi></mfrac></mfenced>": r"\left( \frac{a}{b} \right)",
    "<menclose notation='updiagonalstrike'><mi>x</mi></menclose>": r"\cancel{x}",
    "<menclose notation='box'><mi>x</mi></menclose>": r"\boxed{x}",
    "<mstyle mathvariant='bold'><mi>a</mi><mo>+</mo><mi>b</mi></mstyle>": r"\boldsymbol{a+b}",
    "<mi>x</mi><mphantom><mi>y</mi></mphantom>": "x",
    "<maction selection='2'><mi>a</mi><mi>b</mi></maction>": "b",
    "<mpadded><merror><mi>a</mi></merror></mpadded>": "a",
}
SCRIPTS = {
    "<msup><mi>x</mi><mn>2</mn></msup>": "x^2",
    "<msup><mi>x</mi><mn>10</mn></msup><mn>3</mn>": "x^{10}3",
    "<msup><mi>x</mi><mn>2</mn></msup><mn>3</mn>": "x^2 3",
    "<msub><mi>a</mi><mi>&alpha;</mi></msub><mi>b</mi>": r"a_\alpha b",
    "<msub><mi>a</mi><mo>∈</mo></msub>": r"a_{\in}",
    "<msubsup><mi>a</mi><mi>i</mi><mn>2</mn></msubsup>": "a_i^2",
    "<msup><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></msup>": "{a+b}^2",
    "<msup><mrow><mo>(</mo><mi>a</mi><mo>)</mo></mrow><mn>2</mn></msup>": "(a)^2",
    "<mo>(</mo><mfrac><mi>a</mi><mi>b</mi></mfrac><msup><mo>)</mo><mn>2</mn></msup>": r"\left( \frac{a}{b} \right)^2",
    "<msup><msup><mi>x</mi><mn>2</mn></msup><mn>3</mn></msup>": "{x^2}^3",
    "<msup><msub><mi>x</mi><mn>1</mn></msub><mn>2</mn></msup>": "x_1^2",
    "<msup><mi>f</mi><mrow><mo>′</mo><mo>′</mo></mrow></msup>": "f''",
    "<msup><mi>x</mi><mn>2</mn></msup><mo>′</mo>": "x^2{}'",
    "<msub><mrow/><mi>n</mi></msub><msub><mi>C</mi><mi>k</mi></msub>": "{}_n C_k",
    "<munderover><mo>&#x2211;</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover><mi>i</mi>": (
        r"\sum_{i=1}^n i"
    ),
    "<munder><mi>lim</mi><mrow><mi>x</mi><mo>→</mo><mn>0</mn></mrow></munder><mi>x</mi>": r"\lim_{x \to 0} x",
    "<munder><mi>argmax</mi><mi>x</mi></munder>": r"\operatorname*{argmax}_x",
    "<munder><mo>lim&nbsp;sup</mo><mi>n</mi></munder>": r"\limsup_n",
    "<munder><mo>∑</mo><mtable><mtr><mtd><mi>i</mi></mtd></mtr><mtr><mtd><mi>j</mi></mtd></mtr></mtable></munder>": (
        r"\sum_{\substack{i \\ j}}"
    ),
    "<mover><mi>x</mi><mo>^</mo></mover>": r"\hat{x}",
    "<mover><mrow><mi>A</mi><mi>B</mi></mrow><mo>¯</mo></mover>": r"\overline{AB}",
    "<mover><mi>v</mi><mo>&rarr;</mo></mover>": r"\vec{v}",
    "<mover accent='true'><mi>x</mi><mo>˙</mo></mover>": r"\dot{x}",
    "<munder><munder><mi>a</mi><mo>⏟</mo></munder><mi>n</mi></munder>": r"\underbrace{a}_n",
    "<mover><mo>=</mo><mtext>def</mtext></mover>": r"\overset{\text{def}}{=}",
    "<mover><mo>→</mo><mi>f</mi></mover>": r"\xrightarrow{f}",
    "<munderover><mo>→</mo><mi>a</mi><mi>b</mi></munderover>": r"\xrightarrow[a]{b}",
    "<mmultiscripts><mi>C</mi><mprescripts/><mn>6</mn><mn>14</mn></mmultiscripts>": "{}_6^{14}C",
    "<mmultiscripts><mi>R</mi><mi>i</mi><none/><none></none><mi>j</mi></mmultiscripts>": "R_i{}^j",
}


def two(attributes: str = "") -> str:
    return f"<mtable {attributes}><mtr><mtd>1</mtd><mtd>2</mtd></mtr><mtr><mtd>3</mtd><mtd>4</mtd></mtr></mtable>"


TABLES = {
    two(): r"\begin{matrix} 1 & 2 \\ 3 & 4 \end{matrix}",
    f"<mo>(</mo>{two()}<mo>)</mo>": r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}",
    f"<mfenced open='|' close='|'>{two()}</mfenced>": r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}",
    f"<mo>[</mo>{two()}<msup><mo>]</mo><mi>T</mi></msup>": r"\begin{bmatrix} 1 & 2 \\ 3 & 4 \end{bmatrix}^T",
    "<mo>{</mo>" + two("columnalign='left left'"): r"\begin{cases} 1 & 2 \\ 3 & 4 \end{cases}",
    "<mo>{</mo>" + two("columnalign='right left'") + "<mo fence='true' form='postfix'></mo>": (
        r"\left\{ \begin{aligned} 1 & 2 \\ 3 & 4 \end{aligned} \right."
    ),
    two('columnalign="right left"'): r"\begin{aligned} 1 & 2 \\ 3 & 4 \end{aligned}",
    two('columnalign="left"'): r"\begin{array}{ll} 1 & 2 \\ 3 & 4 \end{array}",
    two('columnlines="solid" rowlines="solid"'): r"\begin{array}{c|c} 1 & 2 \\ \hline 3 & 4 \end{array}",
    "<mtable><mtr><mtd>1</mtd></mtr><mtr><mtd><mo>[</mo></mtd></mtr></mtable>": (
        r"\begin{matrix} 1 \\ {}[ \end{matrix}"
    ),
    "<mtable><mlabeledtr><mtd><mtext>(2.1)</mtext></mtd><mtd><mi>E</mi></mtd></mlabeledtr></mtable>": r"E \tag{2.1}",
    "<mtable><mtr><mtd columnspan='2'>1</mtd></mtr><mtr><mtd>3</mtd><mtd>4</mtd></mtr></mtable>": (
        r"\begin{matrix} 1 & \\ 3 & 4 \end{matrix}"
    ),
}
CONTENT = {
    "<apply><plus/><ci>a</ci><apply><minus/><ci>b</ci></apply><cn>-2</cn></apply>": "a-b-2",
    "<apply><minus/><ci>a</ci><apply><minus/><ci>b</ci><ci>c</ci></apply></apply>": "a-(b-c)",
    "<apply><times/><cn>2</cn><ci>x</ci><apply><plus/><ci>y</ci><cn>1</cn></apply></apply>": "2x(y+1)",
    "<apply><times/><cn>2</cn><cn>3</cn></apply>": r"2 \times 3",
    "<apply><divide/><apply><plus/><ci>a</ci><ci>b</ci></apply><ci>c</ci></apply>": r"\frac{a+b}{c}",
    "<apply><power/><apply><plus/><ci>a</ci><ci>b</ci></apply><cn>2</cn></apply>": "(a+b)^2",
    "<apply><root/><degree><cn>3</cn></degree><ci>x</ci></apply>": r"\sqrt[3]{x}",
    "<apply><sin/><ci>x</ci></apply>": r"\sin x",
    "<apply><sin/><apply><plus/><ci>x</ci><ci>y</ci></apply></apply>": r"\sin(x+y)",
    "<apply><ci>f</ci><ci>x</ci><ci>y</ci></apply>": "f(x,y)",
    "<apply><exp/><apply><minus/><ci>x</ci></apply></apply>": "e^{-x}",
    "<apply><log/><logbase><cn>2</cn></logbase><ci>x</ci></apply>": r"\log_2 x",
    "<apply><abs/><apply><divide/><ci>a</ci><ci>b</ci></apply></apply>": r"\left| \frac{a}{b} \right|",
    "<apply><factorial/><apply><plus/><ci>n</ci><cn>1</cn></apply></apply>": "(n+1)!",
    "<apply><int/><bvar><ci>x</ci></bvar><lowlimit><cn>0</cn></lowlimit><uplimit><infinity/></uplimit><ci>x</ci>"
    "</apply>": (r"\int_0^\infty x\,dx"),
    "<apply><int/><bvar><ci>x</ci></bvar><interval><cn>0</cn><cn>1</cn></interval><ci>x</ci></apply>": (
        r"\int_0^1 x\,dx"
    ),
    "<apply><sum/><bvar><ci>i</ci></bvar><lowlimit><cn>1</cn></lowlimit><uplimit><ci>n</ci></uplimit><ci>i</ci>"
    "</apply>": (r"\sum_{i=1}^n i"),
    "<apply><limit/><bvar><ci>x</ci></bvar><lowlimit><cn>0</cn></lowlimit><ci>x</ci></apply>": r"\lim_{x \to 0} x",
    "<apply><tendsto type='above'/><ci>x</ci><ci>a</ci></apply>": r"x \to a^+",
    "<apply><diff/><bvar><ci>x</ci></bvar><ci>f</ci></apply>": r"\frac{df}{dx}",
    "<apply><diff/><ci>f</ci></apply>": "f'",
    "<apply><partialdiff/><bvar><ci>x</ci></bvar><bvar><ci>y</ci></bvar><ci>f</ci></apply>": (
        r"\frac{\partial^2f}{\partial x\partial y}"
    ),
    "<apply><implies/><ci>p</ci><apply><not/><ci>q</ci></apply></apply>": r"p \Rightarrow \neg q",
    "<apply><and/><ci>p</ci><apply><or/><ci>q</ci><ci>r</ci></apply></apply>": r"p \wedge (q \vee r)",
    "<reln><lt/><ci>a</ci><ci>b</ci><ci>c</ci></reln>": "a<b<c",
    "<apply><csymbol cd='arith1'>plus</csymbol><ci>a</ci><ci>b</ci></apply>": "a+b",
    "<set><bvar><ci>x</ci></bvar><condition><apply><lt/><ci>x</ci><cn>5</cn></apply></condition></set>": (
        r"\{x \mid x<5\}"
    ),
    "<interval closure='open-closed'><ci>a</ci><ci>b</ci></interval>": "(a,b]",
    "<vector><cn>1</cn><cn>2</cn></vector>": r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}",
    "<matrix><matrixrow><cn>1</cn><cn>0</cn></matrixrow></matrix>": r"\begin{pmatrix} 1 & 0 \end{pmatrix}",
    "<piecewise><piece><ci>x</ci><ci>p</ci></piece><otherwise><cn>0</cn></otherwise></piecewise>": (
        r"\begin{cases} x & \text{if } p \\ 0 & \text{otherwise} \end{cases}"
    ),
    "<lambda><bvar><ci>x</ci></bvar><ci>x</ci></lambda>": r"x \mapsto x",
    "<cn type='rational'>1<sep/>2</cn>": r"\frac{1}{2}",
    "<cn type='e-notation'>1.2<sep/>5</cn>": r"1.2 \times 10^5",
    "<cn type='complex-cartesian'>3<sep/>-4</cn>": "3-4i",
    "<apply><union/><ci>A</ci><emptyset/></apply>": r"A \cup \emptyset",
}
SOURCE = {
    "<mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup>": "x^2",
    "<m:mi>x</m:mi><MO>+</MO><m:mi>y</m:mi>": "x+y",
    "<mi>x<!-- <mi>y</mi> --></mi>": "x",
    "<mi>a</mi><!-- no end <mi>b</mi>": "a",
    "<mi><![CDATA[x]]></mi>": "x",
    "<mi>x</mi><mo>&lt;</mo><mi>y</mi>": "x<y",
    '<mi title="a>b">x</mi>': "x",
    "<mfrac title='<mo>+</mo>'><mi>x</mi><mi>y</mi></mfrac>": r"\frac{x}{y}",
    "<mfrac><mrow><mn>1</mn></mfrac><mi>x</mi>": r"\frac{1}{}x",
    "</mrow><mi>x</mi></msup>": "x",
    "<mrow><mi>x": "x",
    "<mspace><mi>x</mi>": "x",
    "<semantics><mi>y</mi><annotation>hidden</annotation></semantics>": "y",
    "<semantics><annotation encoding='application/x-tex'>a_1</annotation></semantics>": "a_1",
    "<semantics><apply><sin/><ci>x</ci></apply><annotation-xml encoding='MathML-Presentation'><mi>p</mi>"
    "</annotation-xml></semantics>": "p",
    "<semantics><mi>p</mi><annotation-xml encoding='MathML-Content'><ci>c</ci></annotation-xml></semantics>": "p",
    "x + y": "x + y",
    r"\frac{1}{2} &lt; 1": r"\frac{1}{2} < 1",
}
ALL = TOKENS | LAYOUT | SCRIPTS | TABLES | CONTENT | SOURCE


@pytest.mark.parametrize("markup", ALL)
def test_elements(markup):
    assert mathml_to_tex(markup) == ALL[markup]


@pytest.mark.parametrize("markup", [markup for markup in ALL if "<" in markup])
def test_the_element_itself_may_be_there(markup):
    assert mathml_to_tex(f'<math display="block" alttext="a>b">{markup}</math>') == ALL[markup]


def test_indented_source_is_the_same():
    for markup, tex in (LAYOUT | SCRIPTS | TABLES).items():
        assert mathml_to_tex(re.sub(r">(?=<)", ">\n  ", markup)) == tex


def test_symbols_are_balanced_commands():
    for char, tex in SYMBOLS.items():
        assert _balanced(tex), char


DEEP = ("<mrow>", "<msqrt>", "<mfrac><mi>a</mi>", "<msup>", "<mfenced>", "<mtable><mtr><mtd>", "<apply><plus/>", "<mi>")


@pytest.mark.parametrize("opening", DEEP)
def test_depth_costs_no_stack_and_output_stays_in_proportion(opening):
    for closing in ("", re.sub(r"<mi>a</mi>|<plus/>", "", opening).replace("<", "</")):
        tex = mathml_to_tex(opening * 10_000 + "<mi>x</mi>" + closing * 10_000)
        assert "x" in tex
        assert len(tex) < 3 * 10_000 * len(opening)


def test_degrees_within_degrees_do_not_double():
    markup = "<ci>n</ci>"
    for _ in range(60):
        markup = f"<apply><diff/><bvar><ci>x</ci><degree>{markup}</degree></bvar><ci>f</ci></apply>"
    assert len(mathml_to_tex(markup)) < 60 * 200


def _balanced(tex: str) -> bool:
    depth = 0
    for brace in re.findall(r"[{}]", re.sub(r"\\.", "", tex)):
        depth += 1 if brace == "{" else -1
        if depth < 0:
            return False
    return depth == 0


MARKUP = st.sampled_from(list(LAYOUT | SCRIPTS | TABLES | CONTENT | TOKENS))
FRAGMENTS = """
<mrow> </mrow> <mi> </mi> x <mfrac> <msup> </msup> <mtable> <mtr> <mtd> < > &lt; \\ { } " ' <mo>(</mo> <mo>)</mo>
<mo>|</mo> <mprescripts/> <none/> <!-- <apply> <bvar> <cn> <sep/> <semantics> <annotation-xml> <mtext> &#0; é <a/>
"""
PIECES = st.sampled_from([*FRAGMENTS.split(), "\x00", "\n"])


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(PIECES, MARKUP), max_size=30))
def test_any_markup_gives_balanced_tex(parts):
    markup = "<math>" + "".join(parts)
    assert _balanced(mathml_to_tex(markup))


@settings(max_examples=300, deadline=None)
@given(MARKUP, st.integers(0, 200), st.integers(0, 20), PIECES)
def test_mutated_markup_gives_balanced_tex(markup, start, length, piece):
    mutated = "<math>" + markup[:start] + piece + markup[start + length :]
    assert _balanced(mathml_to_tex(mutated))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60), st.sampled_from(["mi", "mo", "mn", "mtext", "ci", "cn", "mspace width="]))
def test_any_text_in_a_leaf_gives_balanced_tex(text, name):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    assert _balanced(mathml_to_tex(f"<{name}>{escaped}</{name}>"))
