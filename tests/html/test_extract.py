"""A page to its text: one small page for every way in which formulas are written."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from curation.html.extract import MAX_HTML_CHARS, extract_page, html_to_text, main_text
from curation.html.nesting import MAX_DEPTH

MATHML = "<math{0}><msup><mi>x</mi><mn>2</mn></msup></math>"
KATEX = (
    '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>x</mi></mrow>'
    '<annotation encoding="application/x-tex">x^2</annotation></semantics></math></span>'
    '<span class="katex-html" aria-hidden="true"><span class="base">x2</span></span></span>'
)


def page(body: str, head: str = "") -> str:
    article = f"<article><p>Let us see. {body} That was it.</p></article>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{article}</body></html>"


INLINE = {
    "parentheses": r"\(x^2\)",
    "math script": '<script type="math/tex">x^2</script>',
    "math script in CDATA": '<script type="math/tex">% <![CDATA[\nx^2 %]]></script>',
    "script beside its preview": '<span class="MathJax_Preview">x2</span><span class="MathJax">x2</span>'
    '<script type="math/tex">x^2</script>',
    "KaTeX": KATEX,
    "annotation": '<math><mi>x</mi><annotation encoding="application/x-tex">x^2</annotation></math>',
    "alttext": '<math alttext="x^2"><mi>x</mi></math>',
    "assistive MathML": '<mjx-container class="MathJax"><mjx-math aria-hidden="true">x2</mjx-math><mjx-assistive-mml>'
    '<math alttext="x^2"></math></mjx-assistive-mml></mjx-container>',
    "MediaWiki": '<span class="mwe-math-element"><span style="display: none;">'
    '<math alttext="{\\displaystyle x^2}"></math></span>'
    '<img class="mwe-math-fallback-image-inline" alt="{\\displaystyle x^2}" src="x.svg"></span>',
    "pandoc": r'<span class="math inline">\(x^2\)</span>',
    "pandoc for KaTeX": '<span class="math inline">x^2</span>',
    "StackExchange": '<span class="math-container">$x^2$</span>',
    "PreTeXt": r'<span class="process-math">\(x^2\)</span>',
    "distill": "<d-math>x^2</d-math>",
    "Doxygen": '<img class="formulaInl" alt="$x^2$" src="form_0.png">',
    "LaTeX2HTML": '<IMG WIDTH="1" ALIGN="MIDDLE" SRC="img1.png" ALT="$x^2$">',
    "codecogs": '<img src="https://latex.codecogs.com/gif.latex?x%5E2">',
    "WordPress": '<img src="https://s0.wp.com/latex.php?latex=x%5E2&bg=ffffff&fg=000" alt="x^2" class="latex">',
    "mimetex": '<img src="/cgi-bin/mimetex.cgi?x^2">',
    "Sphinx image": '<img class="math" src="_images/math/a.png" alt="x^2">',
    "data-expr": '<span class="tex" data-expr="x^2"></span>',
}
DISPLAY = {
    "brackets": r"\[x^2\]",
    "double dollars": "$$x^2$$",
    "math script": '<script type="math/tex; mode=display">x^2</script>',
    "KaTeX": f'<span class="katex-display">{KATEX}</span>',
    "MathML alone": MATHML.format(' display="block"').replace("<mn>2</mn>", "<mn>2</mn>"),
    "Sphinx": r'</p><div class="math notranslate nohighlight">\[x^2\]</div><p>',
    "LaTeXML": '<math alttext="x^2" display="block"></math>',
    "Doxygen": r'<img class="formulaDsp" alt="\[ x^2 \]" src="form_1.png">',
    "LaTeX2HTML": '<img alt="\\begin{displaymath}x^2\\end{displaymath}" src="img2.png">',
    "distill": '<d-math block="">x^2</d-math>',
}


@pytest.mark.parametrize("form", INLINE)
def test_inline(form):
    text = html_to_text(page(INLINE[form]))
    assert text.count("$x^2$") == 1, text
    assert text.count("$") == 2 and "x2" not in text, text


@pytest.mark.parametrize("form", DISPLAY)
def test_display(form):
    text = html_to_text(page(DISPLAY[form])).replace("x^{2}", "x^2")
    assert text.count("$$") == 2 and "x^2" in text, text
    assert text.count("$") == 4, text


def test_environment_in_running_text():
    text = html_to_text(page(r"\begin{align} a &amp;= b \\ c &amp;= d \end{align}"))
    assert r"$$\begin{align} a &= b \\ c &= d \end{align}$$" in text


def test_single_dollars_where_the_page_says_so():
    head = "<script>MathJax = {tex: {inlineMath: [['$', '$'], ['\\\\(', '\\\\)']]}}</script>"
    assert html_to_text(page("Take $n$ and $n+1$ for $5.", head)).count(r"\$5") == 1
    assert "$n$ and $n+1$" in html_to_text(page("Take $n$ and $n+1$.", head))


def test_single_dollars_of_tex_without_a_setting():
    assert r"$\alpha_i$" in html_to_text(page(r"Take $\alpha_i$ here."))


@pytest.mark.parametrize(
    "text", ["It costs $5 and $10.", "echo $HOME and $PATH", "US$ 5_000 or US$ 6_000", "$$ money $$"]
)
def test_dollars_that_are_no_mathematics_stay(text):
    read = extract_page(page(text))
    assert text in read.text
    assert not read.has_mathematics


def test_dollars_are_escaped_only_beside_mathematics():
    assert r"costs \$5" in html_to_text(page(r"\(x\) costs $5"))
    assert "costs $5" in html_to_text(page("x costs $5"))


def test_code_is_left_alone():
    body = "</p><pre>if x:\n    print('$y$', '\\(z\\)')</pre><p>and <code>$a_b$</code> and \\(x\\)"
    text = html_to_text(page(body))
    assert "```\nif x:\n    print('\\$y\\$', '\\(z\\)')\n```" in text
    assert r"\$a_b\$" in text and "$x$" in text


def test_headings():
    first, second = "<h1>One</h1><p>Some text, and more.</p>", "<h3>Two</h3><p>Other text.</p><h2></h2>"
    text = html_to_text(f"<body><article>{first}{second}</article></body>")
    assert text == "# One\n\nSome text, and more.\n\n### Two\n\nOther text."


def test_macro_definitions_do_not_scatter():
    body = r"\(\newcommand{\N}{\mathbb N} \newcommand{\pair}[2]{(#1,#2)} \DeclareMathOperator{\rk}{rk}\) and \(\N\)"
    text = html_to_text(page(body))
    assert "newcommand" not in text and "rk" not in text and r"$\N$" in text


def test_macro_definitions_before_a_formula_leave_the_formula():
    assert r"$\R^n$" in html_to_text(page(r"\(\newcommand{\R}{\mathbb{R}} \R^n\)"))


def test_dollars_inside_text_within_a_formula():
    assert r"$a \text{ if \(b\)}$" in html_to_text(page(r"\(a \text{ if $b$}\)"))


def test_lists_and_figures_with_formulas_stay():
    exercises = "<body><p>Exercises of the day, in short.</p><ul><li>\\(x\\)</li></ul>"
    table = "<figure><table><tr><td>\\(y\\)</td></tr></table></figure>"
    text = html_to_text(exercises + table + '<span class="math-container">$z$</span>')
    assert all(f"${letter}$" in text for letter in "xyz")


def test_without_mathematics_the_path_is_not_taken():
    read = extract_page(page(r"\(x\) and $y_1$"), mathematics=False)
    assert r"\(x\) and $y_1$" in read.text and not read.has_mathematics


def test_title_and_language():
    read = extract_page("<html lang=pt-BR><head><title> A &amp;\n B </title></head><p>x")
    assert (read.title, read.language) == ("A & B", "pt-br")
    assert (extract_page("<p>x").title, extract_page("<p>x").language) == (None, None)


def test_empty_page_has_a_reason():
    assert extract_page("").reasons == ("empty_text",)


def test_mathml_in_an_attribute_is_no_formula():
    body = '<span class="MathJax" data-mathml="<math><mi>x</mi></math>">x</span><script type="math/tex">x</script> end'
    assert html_to_text(page(body)).count("$x$") == 1


def test_marks_in_the_page_itself_are_harmless():
    assert html_to_text(page("\ufdd00\ufdd1 \ufdd07 \\(x\\)")).count("$x$") == 1


HOSTILE = {
    "nested": "<div>" * 100_000 + "hello",
    "unclosed math": "<math>" * 100_000,
    "unclosed math attribute": '<math "' * 100_000,
    "unclosed image": '<img alt="$x' * 100_000,
    "unclosed scripts": '<script type="math/tex">' * 50_000,
    "open parentheses": "\\(" * 500_000,
    "dollars": "$a^" * 300_000,
    "environments": "\\begin{align}" * 100_000,
    "nested MathML": "<math>" + "<mrow>" * 100_000 + "</mrow>" * 100_000 + "</math>",
    "annotations": "<math>" + "<annotation " * 50_000 + "</math>",
    "one line": "a" * 3_000_000 + " \\(x\\)",
    "null bytes": "\0" * 100_000 + "<p>x",
    "surrogates": "<p>\ud800\udfff</p>",
    "KaTeX without end": '<span class="katex">' * 20_000,
    "lists": "<ul><li>" * 20_000,
    "brackets": "<" * 1_000_000,
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_pages_neither_crash_nor_hang(kind):
    extract_page(HOSTILE[kind])
    main_text(HOSTILE[kind])


def test_too_large_and_too_deep_are_said():
    assert "too_large" in extract_page("<p>x</p>" * (MAX_HTML_CHARS // 8 + 1)).reasons
    deep = extract_page("<div>" * (MAX_DEPTH * 6) + "hello")
    assert deep.text == "hello" and "too_deep" in deep.reasons


_PARTS = r"""
<p> </p> <math> </math> <mi>x</mi> \( \) $ $$ \[ \] <pre> </pre> <h2> </h2> </script> <ul> <li> </ul> x 5 } <table>
<td> \begin{align} \end{align} \newcommand{ </span>
"""
FRAGMENTS = [
    *_PARTS.split(),
    '<script type="math/tex">',
    '<span class="katex">',
    '<span class="math">',
    '<img alt="$x$">',
    " ",
    "\n",
]


@settings(max_examples=300, deadline=None)
@example([r"\begin{align}", "<pre>", r"\end{align}"])
@example([r"\begin{align}", "<code>", r"\end{align}"])
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=40))
def test_any_mixture_is_read_the_same_way_twice(parts):
    html = "".join(parts)
    first = extract_page(html)
    assert first == extract_page(html)
    assert not any(0xFDD0 <= ord(char) <= 0xFDEF for char in first.text)


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_string_is_read(html):
    assert isinstance(html_to_text(html), str)
    assert isinstance(main_text(html), str)


MACROS = r"\newcommand{\half}{\frac{1}{2}} \newcommand{\dfc}{\alpha}  % diffusion coefficient"


def test_a_page_s_macros_are_not_scattered_into_its_text():
    body = "<p>Half of it is worth keeping, so the lesson goes on for a while.</p>"
    for block in (
        f"$$\n{MACROS}\n% set begin of another long comment of many ordinary words\n"
        "\\newcommand{\\R}{\\mathbb{R}}\n$$",
        rf"\[\begin{{align}}\begin{{aligned}}{MACROS} \\ \end{{aligned}}\end{{align}}\]",
    ):
        text = html_to_text(f"<html><body><div>{block}</div>{body * 5}<p>Let $$x^2 + 1$$ be given.</p></body></html>")
        assert "newcommand" not in text and "diffusion" not in text
        assert "$$x^2 + 1$$" in text


def test_a_formula_after_macros_is_kept():
    assert html_to_text(r"<p>Let us see: $$\newcommand{\half}{\frac{1}{2}} x = \half$$</p>").endswith(r"$$x = \half$$")
