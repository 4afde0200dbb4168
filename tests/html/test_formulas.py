"""Formulas in a page's tokens: each once, whatever stands beside it, and nothing that is no formula."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html.blocks import read
from curation.html.extract import extract_page, html_to_text

CHTML = (
    '<mjx-container class="MathJax" jax="CHTML"><mjx-math><mjx-msup><mjx-mi><mjx-c class="mjx-c1D465 TEX-I"></mjx-c>'
    '</mjx-mi><mjx-script><mjx-mn><mjx-c class="mjx-c32"></mjx-c></mjx-mn></mjx-script></mjx-msup></mjx-math>'
    "</mjx-container>"
)


def page(body: str, head: str = "") -> str:
    return f"<html><head>{head}</head><body><article><p>Let us see. {body} That was it.</p></article></body></html>"


ONCE = {
    "drawn by MathJax 3, without assistive MathML": CHTML,
    "drawn by MathJax 4, with its source": '<mjx-container><mjx-math data-latex="x^2">x2</mjx-math></mjx-container>',
    "MathJax 2 beside its script": '<span class="MathJax_Preview">x2</span><span class="MathJax"><span>x2</span></span>'
    '<script type="math/tex">x^2</script>',
    "MathJax 2 with assistive MathML beside its script": '<span class="MathJax"><nobr>x2</nobr><span '
    'class="MJX_Assistive_MathML"><math><msup><mi>x</mi><mn>2</mn></msup></math></span></span>'
    '<script type="math/tex">x^2</script>',
    "script of AsciiMath": '<script type="math/asciimath">x^2</script>',
    "MathML with a namespace": "<m:math><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></m:math>",
    "MathML of LaTeXML": '<math alttext="x^{2}" class="ltx_Math"><semantics><msup><mi>x</mi><mn>2</mn></msup>'
    '<annotation encoding="application/x-tex">x^2</annotation></semantics></math>',
    "MediaWiki": '<span class="mwe-math-element"><span class="mwe-math-mathml-inline" style="display: none;"><math>'
    '<semantics><msup><mi>x</mi><mn>2</mn></msup><annotation encoding="application/x-tex">x^2</annotation></semantics>'
    '</math></span><img src="/media/math/render/svg/1" class="mwe-math-fallback-image-inline" alt="x^2"></span>',
    "MediaWiki, old": '<img class="tex" alt="x^2" src="/images/math/1/2/3.png">',
    "pngmath": '<img class="math" src="_images/math/1.png" alt="x^2">',
    "LaTeX2HTML": r'<IMG WIDTH=9 HEIGHT=9 SRC="img1.png" ALT="\(x^2\)">',
    "data-math": '<span class="katex" data-math="x^2"><span class="katex-html">x2</span></span>',
    "data-tex": r'<span class="tex" data-tex="x^2">x<sup>2</sup></span>',
    "Quarto": r'<span class="math inline">\(x^2\)</span>',
    "arithmatex": r'<span class="arithmatex">\(x^2\)</span>',
    "kramdown": '<script type="math/tex">% <![CDATA[x^2 %]]></script>',
    "an entity": r"\(x&#94;2\)",
    "beside a comment": r"<!-- \(y^3\) -->\(x^2\)",
    "in a cell": r"</p><table><tr><td>a<td>\(x^2\)</table><p>",
}


@pytest.mark.parametrize("form", ONCE)
def test_once(form):
    text = html_to_text(page(ONCE[form]))
    assert text.count("$x^2$") == 1 and text.count("$") == 2, text
    assert "x2" not in text, text


NOT_MATHEMATICS = {
    "prices": "It costs $5, or $7 for two, $10-$12 for more.",
    "variables of a shell": "Set $HOME and $PATH, then run $1.",
    "jQuery": '<code>$("#a").text($("#b"))</code> and <pre>$x = $y;\n$z = $x^2;</pre>',
    "templates": "Dear $$NAME$$, of $$TOWN$$.",
    "R": "Take df$x and df$y of the data.",
    "an ordinary image": '<img src="cat.jpg" alt="A cat"> <img class="photo" alt="$5 off" src="x.png">',
    "a class with math in its name": '<span class="aftermath">It was over.</span>',
    "backquotes": "Call `f(x)` and `x^2`.",
    "scripts": r"<script>var a = '\\(x^2\\)';</script>",
    "square metres": "A flat of 70 m<sup>2</sup>.",
}


@pytest.mark.parametrize("kind", NOT_MATHEMATICS)
def test_not_mathematics(kind):
    read_page = extract_page(page(NOT_MATHEMATICS[kind]))
    assert not read_page.has_mathematics, read_page.text
    assert "\\$" not in read_page.text


def test_text_of_code_is_no_formula_beside_formulas():
    text = html_to_text(page(r"\(x^2\) and <code>$y^2$</code>"))
    assert r"`\$y^2\$`" in text and "$x^2$" in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\(a\)\(b\)", "$a$ $b$"),  # two dollars in a row would be one display
        (r"$\(a\)$", "$$a$$"),
        (r"\(a\) $5", r"$a$ \$5"),
        (r"\(x = 1 \\\)", "$x = 1$"),
        (r"\[\text{if $x$}\]", r"$$\text{if $x$}$$"),
        (r"\(\text{if $x$}\)", r"$\text{if \(x\)}$"),
        (
            r"10<sup>6</sup> and <d-math>a</d-math>, x<sub>1</sub>, 1<sup>st</sup>, word<sup>1</sup>",
            "10^6 and $a$, x_1, 1st, word1",
        ),
        (r"H<sub>2</sub>O at 10<sup>-19</sup>", "H2O at 10^{-19}"),
    ],
)
def test_dollars_and_scripts(body, expected):
    assert expected in html_to_text(page(body))


def test_an_element_that_is_never_closed_takes_nothing_with_it():
    text = html_to_text("<article>" + '<span class="katex">one ' * 50 + "<p>The end of it, and more.</p></article>")
    assert text.count("one") == 50 and "The end of it" in text


CONFIGURED = "<script>MathJax = {tex: {inlineMath: [['$', '$']]}}</script>"
SHY = r"$n - 1$ $2n-1$ $n!$ $\R$ $[0,1]$ $(a, b]$ $f(g(x))$ $a:b$ $sin x$ $25\%$"


def test_shy_terms_where_dollars_are_configured():
    text = html_to_text(page(SHY + " It costs $5 or $7, so $10-$12 and $3.", CONFIGURED))
    assert SHY in text and r"costs \$5 or \$7, so \$10-\$12 and \$3." in text


def test_words_between_delimiters_where_mathjax_is_loaded():
    body = r"\(abc\) and \[xyz\] and $$abc$$"
    assert "$abc$ and $$xyz$$ and $$abc$$" in html_to_text(page(body, "<script src=MathJax.js></script>"))


@pytest.mark.parametrize(
    ("source", "tex"),
    [
        (r"https://latex.codecogs.com/gif.latex?\inline&space;a&space;=&space;b&plus;c", "a = b+c"),
        ("https://tex.z-dn.net/?f=E%3Dmc%5E2", "E=mc^2"),
        ("https://render.githubusercontent.com/render/math?math=r%5E2", "r^2"),
    ],
)
def test_addresses_of_services(source, tex):
    assert f"${tex}$" in html_to_text(page(f'<img src="{source}">'))


def test_images_of_editors():
    canvas = '<img class="equation_image" alt="LaTeX: x^2" data-equation-content="x^2">'
    wiris = '<img class="Wirisformula" alt="x squared" data-mathml="«math»«msup»«mi»y«/mi»«mn»2«/mn»«/msup»«/math»">'
    text = html_to_text(page(canvas + " and " + wiris))
    assert "$x^2$ and $y^2$" in text and "LaTeX" not in text


def test_an_unclosed_math_ends_with_its_paragraph():
    text = html_to_text(page("<math><mi>x</mi></p><p>It goes on, and on.</p><p>With <math><mi>y</mi></math>."))
    assert "$x$" in text and "It goes on, and on." in text and "With $y$." in text


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("2<sup><i>n</i></sup>", "2^{n}"),
        ("e<sup>&minus;x</sup>", "e^{−x}"),
        ("x<sup><a href=#1>1</a></sup>", "x1"),
        (r"<script type='math/tex'>5\$</script>", r"$5\$$"),
        ("<script type='math/tex'>a % c\n + b</script>", "$a % c\n + b$"),
        ('<span class="katex"><span class="katex-html">q</span></span>', "q"),
        ('<span class="hint" style="display:none">Add them.</span>', "Add them."),
        ("$latex z^2&s=2$", "$z^2$"),
    ],
)
def test_small_things(body, expected):
    assert f"see. {expected} That" in html_to_text(page(body))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="macros: expected keep, expand, drop, got 'x'"):
        extract_page("<p>a", macros="x")
    with pytest.raises(TypeError, match="html: expected str"):
        extract_page(None)


def test_utf8_is_read_like_text():
    body = page("größer \\(x^2\\) \ud800 \ufdd0 ≤")
    assert extract_page(body.encode("utf-8", "surrogatepass")) == extract_page(body)


MACROS = r'<div style="display:none">\(\newcommand{\R}{\mathbb{R}}\)</div>'


@pytest.mark.parametrize(
    ("macros", "formula", "definitions"),
    [
        ("keep", r"$x \in \R$", (r"\newcommand{\R}{\mathbb{R}}",)),
        ("expand", r"$x \in \mathbb{R}$", ()),
        ("drop", r"$x \in \R$", ()),
    ],
)
def test_macros_of_the_page(macros, formula, definitions):
    read_page = extract_page(page(r"</p>" + MACROS + r"<p>Let \(x \in \R\) be."), macros=macros)
    assert formula in read_page.text and "newcommand" not in read_page.text
    assert read_page.macros == definitions


def test_macros_of_the_configuration():
    head = r"<script>MathJax = {tex: {macros: {R: '\\mathbb{R}'}}}</script>"
    assert r"$x \in \mathbb{R}$" in html_to_text(page(r"\(x \in \R\)", head), macros="expand")


@given(
    st.lists(st.sampled_from([*ONCE.values(), "<span>", "</span>", "<math>", "</math>", "<script>", "x", "$", "\\("]))
)
@settings(deadline=None, max_examples=100)
def test_any_mixture_is_read(pieces):
    blocks = read("".join(pieces).encode())
    assert all(0 <= display <= 1 for display in blocks.formulas.display)
    assert len(blocks.formulas.tex) == len(blocks.formulas.display)
