"""AsciiMath to TeX."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html.asciimath import asciimath_to_mathml, asciimath_to_tex

CASES = {
    "x^2": "x^2",
    "x_1": "x_1",
    "x_1^2": "x_1^2",
    "x^2_1": "x_1^2",
    "x^(n+1)": "x^{n+1}",
    "a/b": r"\frac{a}{b}",
    "(a+b)/(c+d)": r"\frac{a+b}{c+d}",
    "1/2": r"\frac{1}{2}",
    "-2/3": r"-\frac{2}{3}",
    "x/y/z": r"\frac{x}{y}/z",
    "frac(a)(b)": r"\frac{a}{b}",
    "sqrt x": r"\sqrt{x}",
    "sqrt(x+1)": r"\sqrt{x+1}",
    "root(3)(x)": r"\sqrt[3]{x}",
    "root 3 x": r"\sqrt[3]{x}",
    "sum_(i=1)^n i^3=((n(n+1))/2)^2": r"\sum_{i=1}^ni^3=\left( \frac{n(n+1)}{2} \right)^2",
    "int_0^1 f(x) dx": r"\int_0^1 f(x)dx",
    "lim_(x->0) sin x/x": r"\lim_{x \to 0} \frac{\sin x}{x}",
    "prod_(k=1)^n k": r"\prod_{k=1}^nk",
    "alpha + beta": r"\alpha+\beta",
    "Gamma xx Delta": r"\Gamma \times \Delta",
    "x in RR": r"x \in \mathbb{R}",
    "A sub B sube C": r"A \subset B \subseteq C",
    "a <= b >= c != d": r"a \leq b \geq c \neq d",
    "x -> oo": r"x \to \infty",
    "AA x EE y": r"\forall x\exists y",
    "p => q": r"p \Rightarrow q",
    "p <=> q": r"p \Leftrightarrow q",
    "not p ^^ q vv r": r"\neg p \wedge q \vee r",
    "A nn B uu C": r"A \cap B \cup C",
    "hat x": r"\hat{x}",
    "bar(xy)": r"\overline{xy}",
    "vec v": r"\vec{v}",
    "dot x": r"\dot{x}",
    "ddot x": r"\ddot{x}",
    "tilde x": r"\tilde{x}",
    "ul(x)": r"\underline{x}",
    "overset(a)(b)": r"\overset{a}{b}",
    "underset(a)(b)": r"\underset{a}{b}",
    "stackrel(def)(=)": r"\overset{def}{=}",
    'stackrel"def"=': r"\overset{\text{def}}{=}",
    "color(red)(x+1)": "x+1",
    "text(for all )x": r"\text{for all }x",
    '"if " x > 0': r"\text{if }x>0",
    "abs(x)": "|x|",
    "abs(x/2)": r"\left| \frac{x}{2} \right|",
    "|x|": "|x|",
    "|x/2|": r"\left| \frac{x}{2} \right|",
    "||x||": r"\|x\|",
    "floor(x)": r"\lfloor x\rfloor",
    "ceil(x/2)": r"\left\lceil \frac{x}{2} \right\rceil",
    "norm(x)": r"\|x\|",
    "[[a,b],[c,d]]": r"\begin{bmatrix} a & b \\ c & d \end{bmatrix}",
    "((a,b),(c,d))": r"\begin{pmatrix} a & b \\ c & d \end{pmatrix}",
    "|(a,b),(c,d)|": r"\begin{vmatrix} a & b \\ c & d \end{vmatrix}",
    "{(x,if x>0),(-x,if x<=0):}": r"\begin{cases} x & \text{ if }x>0 \\ -x & \text{ if }x \leq 0 \end{cases}",
    "{(1,if,x>0),(2,if,x<0):}": r"\begin{cases} 1 & \text{ if }x>0 \\ 2 & \text{ if }x<0 \end{cases}",
    "[(1,2,|,3),(4,5,|,6)]": r"\left[ \begin{array}{cc|c} 1 & 2 & 3 \\ 4 & 5 & 6 \end{array} \right]",
    "{(1,2),(3,4)}": r"\{(1,2),(3,4)\}",
    "(:x,y:)": r"\langle x,y\rangle",
    "<<x,y>>": r"\langle x,y\rangle",
    "{:x^2:}_1": "x^2_1",
    "x^2|_1^3": "x^2|_1^3",
    "P(A|B)": r"P(A\mid B)",
    "{x | x > 0}": r"\{x\mid x>0\}",
    "bb x": r"\mathbf{x}",
    "bb(xy)": r"\mathbf{xy}",
    "bbb R": r"\mathbb{R}",
    "cc A": r"\mathcal{A}",
    "tt x": r"\mathtt{x}",
    "sf x": r"\mathsf{x}",
    "sin^2 x + cos^2 x = 1": r"\sin^2 x+\cos^2 x=1",
    "sin x/2": r"\frac{\sin x}{2}",
    "log_2(x)/5": r"\frac{\log_2(x)}{5}",
    "f(x)/g(x)": r"\frac{f(x)}{g(x)}",
    "f'(x)": "f'(x)",
    "e^(-x^2/2)": r"e^{-\frac{x^2}{2}}",
    "x^-1": "x^{-1}",
    "x^(-1)": "x^{-1}",
    "1.5x": "1.5x",
    "3.14": "3.14",
    "(x": "(x",
    "x)": "x)",
    "x^": "x",
    "a//b": "a/b",
    "a*b": r"a \cdot b",
    "a**b": r"a \ast b",
    "a -: b": r"a \div b",
    "2 +- 3": r"2 \pm 3",
    "ubrace(x+1)_(n)": r"\underbrace{x+1}_n",
    'obrace(a+b)^"two"': r"\overbrace{a+b}^{\text{two}}",
    "cancel(x)": r"\cancel{x}",
    r"\frac{a}{b}": r"\frac{a}{b}",
    r"\alpha": r"\alpha",
    r"x \ y": r"x\ y",
    "...": r"\ldots",
    "cdots": r"\cdots",
    "grad f": r"\nabla f",
    "del/(del x)": r"\frac{\partial}{\partial x}",
    "if x and y or z": r"\text{ if }x\text{ and }y\text{ or }z",
    "dx/dt": r"\frac{dx}{dt}",
    "(dy)/(dx)": r"\frac{dy}{dx}",
    "gcd(a,b)": r"\gcd(a,b)",
    "lcm(a,b)": r"\operatorname{lcm}(a,b)",
    "max_(x in S) f(x)": r"\max_{x \in S} f(x)",
    "N(mu,sigma^2)": r"N(\mu,\sigma^2)",
    "x_(i,j)": "x_{i,j}",
    "a_(11)": "a_{11}",
    "{::}_(6)^14C": "{}_6^{14}C",
    "[0,1)": "[0,1)",
    "(a,b]={x in RR | a < x <= b}": r"(a,b]=\{x \in \mathbb{R}\mid a<x \leq b\}",
    "x°": r"x^\circ",
    "≤ α": r"\leq \alpha",
    "(((x+1)))": "(((x+1)))",
    "((x))/2": r"\frac{(x)}{2}",
    "((1,2))": r"\begin{pmatrix} 1 & 2 \end{pmatrix}",
    "vec(AB)": r"\overrightarrow{AB}",
    "hat(xyz)": r"\widehat{xyz}",
    "(x+1)^2/4": r"\frac{(x+1)^2}{4}",
    "1/(1+1/x)": r"\frac{1}{1+\frac{1}{x}}",
    "10^5": "10^5",
    "f^-1(x)": "f^{-1}(x)",
    "A^T": "A^T",
    "x'": "x'",
    "y''+y'=0": "y''+y'=0",
    "5%": r"5\%",
    "bb A x = bb b": r"\mathbf{A}x=\mathbf{b}",
    "int_a^b x^2 dx=[x^3/3]_a^b": r"\int_a^b x^2dx=\left[ \frac{x^3}{3} \right]_a^b",
    "E=mc^2": "E=mc^2",
    "lim_(n->oo) (1+1/n)^n=e": r"\lim_{n \to \infty}\left( 1+\frac{1}{n} \right)^n=e",
    "ln x^2": r"\ln x^2",
    "sin(x)^2": r"\sin(x)^2",
    "(d/dx)f": r"\left( \frac{d}{dx} \right)f",
    "vec(a) * vec(b)": r"\vec{a} \cdot \vec{b}",
    "fr g": r"\mathfrak{g}",
    "fr x": r"\mathfrak{x}",
    "x_+ + y^-": "x_++y^-",
    "bb 1": r"\mathbf{1}",
    "sqrt 2x": r"\sqrt{2}x",
    "|x|,|y|": "|x|,|y|",
    "[(2,|x|,5),(3,|y|,4)]": r"\begin{bmatrix} 2 & |x| & 5 \\ 3 & |y| & 4 \end{bmatrix}",
    "[(1,|,3,|,4),(5,|,7,|,8)]": r"\left[ \begin{array}{c|c|c} 1 & 3 & 4 \\ 5 & 7 & 8 \end{array} \right]",
    "{(1,2),(3,4):}": r"\begin{cases} 1 & 2 \\ 3 & 4 \end{cases}",
    "[1,2;3]": "[1,2;3]",
    'x^"th"': r"x^{\text{th}}",
    "a:=b": "a:=b",
    "A |-- B": r"A \vdash B",
    "x |-> x^2": r"x \mapsto x^2",
    ":. x": r"\therefore x",
    "/_ABC": r"\angle ABC",
    "A^TT": r"A^\top",
    "hbar": r"\hbar",
    "sin^-1 x": r"\sin^{-1} x",
    "d/dx x^2": r"\frac{d}{dx}x^2",
    "Sin x": r"\operatorname{Sin} x",
    "lub S": r"\operatorname{lub} S",
    "x#y": r"x\#y",
    "α_1 ≤ β": r"\alpha_1 \leq \beta",
    "中": r"\text{中}",
    "sum": r"\sum",
    "x /": "x/",
    "/ x": "/x",
    "{:(a,b),(c,d):}": r"\begin{matrix} a & b \\ c & d \end{matrix}",
    "|| a ||": r"\|a\|",
    "5 mod 3": r"5\bmod 3",
    "text(a_b%)": r"\text{a\_b\%}",
    '"a < b"': r"\text{a < b}",
    "a lt b": "a<b",
    "bbb(RR)": r"\mathbb{R}",
    "cc(AB)": r"\mathcal{AB}",
    "f/g": r"\frac{f}{g}",
    "f^2(x)": "f^2(x)",
    "g'(x)": "g'(x)",
    "o+ ox o.": r"\oplus \otimes \odot",
    "del f": r"\partial f",
    "a ^^^ b": r"a\bigwedge b",
    "nnn_(i=1)^n A_i": r"\bigcap_{i=1}^nA_i",
    "overbrace(a)": r"\overbrace{a}",
    r"x \\ y": r"x\backslash y",
    "1/2/3": r"\frac{1}{2}/3",
    "a_1^2/b": r"\frac{a_1^2}{b}",
    "(a/b)^n": r"\left( \frac{a}{b} \right)^n",
    "(a)^n": "(a)^n",
    "{a}/{b}": r"\frac{a}{b}",
    "e^{x+1}": "e^{x+1}",
    r"\sum_{n=0}^\infty x^n": r"\sum_{n=0}^\infty x^n",
}


@pytest.mark.parametrize("text", CASES)
def test_cases(text):
    assert asciimath_to_tex(text).replace(" ", "") == CASES[text].replace(" ", "")


MARKUP = {
    "x^-1/2": "<mfrac><mrow><msup><mrow><mi>x</mi></mrow><mrow><mrow><mo>-</mo><mn>1</mn></mrow></mrow></msup></mrow>"
    "<mrow><mn>2</mn></mrow></mfrac>",
    "(a": '<mrow><mo fence="true" form="prefix">(</mo><mi>a</mi></mrow>',
    "a<b": "<mi>a</mi><mo>&lt;</mo><mi>b</mi>",
    '"a<b': "<mtext></mtext><mi>a</mi><mo>&lt;</mo><mi>b</mi>",
    "text(a<b": "<mtext>a&lt;b</mtext>",
    "text": "<mtext>text</mtext>",
    "hat": "<mi>hat</mi>",
    "frac(a)": '<mrow><mo fence="true" form="prefix">(</mo><mi>a</mi><mo fence="true" form="postfix">)</mo></mrow>',
    ")": "<mo>)</mo>",
    "": "",
    " \n\t": "",
    "\\": "<mo>\\</mo>",
    "_": "<msub><mrow><mrow></mrow></mrow><mrow></mrow></msub>",
}


@pytest.mark.parametrize("text", MARKUP)
def test_markup(text):
    assert asciimath_to_mathml(text) == f"<math>{MARKUP[text]}</math>"


@pytest.mark.parametrize("text", ["", " ", "\n", ":}"])
def test_nothing(text):
    assert asciimath_to_tex(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "(" * 30_000,
        "(" * 10_000 + "x" + ")" * 10_000,
        "sqrt " * 10_000 + "x",
        "sin " * 10_000,
        "|" * 2_000,
        "|x|(" * 10_000,
        "(|" * 2_000,
        "x^" * 2_000,
        "x_(" * 10_000,
        "a/" * 2_000,
        "frac" * 10_000,
        "[[" * 10_000 + "a,b],[c,d]]" * 2_000,
        "bb " * 10_000,
        "text(" * 10_000,
        '"' * 20_001,
        "\\" * 2_000,
        " " * 5_000,
        "1" * 5_000,
        "f" * 2_000,
        "x^2+y_1 " * 5_000,
    ],
    ids=range(20),
)
def test_large_and_deep(text):
    asciimath_to_tex(text)


NAMES = """sqrt frac root sum int lim sin f bar hat text(a) " ( ) [ ] { } | (: :) {: :} , / _ ^ - x 2 oo alpha -> <= '
abs norm bb cc stackrel color cancel if and dx ... \\\\ \\ % & # < >"""
TEXTS = st.one_of(st.text(), st.lists(st.sampled_from([*NAMES.split(), " "]), max_size=60).map("".join))


@settings(max_examples=500, deadline=None)
@given(TEXTS)
def test_never_raises_and_nests(text):
    markup = asciimath_to_mathml(text)
    assert markup.count("<mrow>") == markup.count("</mrow>")
    tex = asciimath_to_tex(text)
    assert _depth(tex) == 0, tex


def _depth(tex: str) -> int:
    tex = tex.replace("\\\\", "").replace("\\{", "").replace("\\}", "")
    return tex.count("{") - tex.count("}")
