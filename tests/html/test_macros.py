"""A page's own macros: definitions in TeX, configurations in scripts, expansion."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html.macro_configuration import configured_macros
from curation.html.macro_expansion import expand
from curation.html.macros import Macro, definitions_in

DEFINITIONS = {
    r"\newcommand{\R}{\mathbb{R}}": [Macro("R", 0, None, r"\mathbb{R}")],
    r"\newcommand\R{\mathbb R}": [Macro("R", 0, None, r"\mathbb R")],
    r"\newcommand*{\norm}[1]{\left\| #1 \right\|}": [Macro("norm", 1, None, r"\left\| #1 \right\|")],
    r"\renewcommand { \vec } [1] { \mathbf{#1} }": [Macro("vec", 1, None, r"\mathbf{#1}")],
    r"\newcommand{\norm}[2][2]{\|#2\|_{#1}}": [Macro("norm", 2, "2", r"\|#2\|_{#1}")],
    r"\newcommand{\f}[2][{[a]}]{#1#2}": [Macro("f", 2, "{[a]}", "#1#2")],
    r"\providecommand{\ep}{\varepsilon}": [Macro("ep", 0, None, r"\varepsilon")],
    r"\newcommand{\a}{1}\providecommand{\a}{2}": [Macro("a", 0, None, "1")],
    r"\newcommand{\a}{1}\renewcommand{\a}{2}": [Macro("a", 0, None, "2")],
    r"\def\E{\mathbb{E}}": [Macro("E", 0, None, r"\mathbb{E}")],
    r"\def\inner#1#2{\langle #1, #2 \rangle}": [Macro("inner", 2, None, r"\langle #1, #2 \rangle")],
    r"\long\gdef\E {e}": [Macro("E", 0, None, "e")],
    r"\DeclareMathOperator{\tr}{tr}": [Macro("tr", 0, None, r"\operatorname{tr}")],
    r"\DeclareMathOperator*{\argmin}{arg\,min}": [Macro("argmin", 0, None, r"\operatorname*{arg\,min}")],
    r"\let\phi\varphi": [Macro("phi", 0, None, r"\varphi")],
    r"\let\le = \leqslant": [Macro("le", 0, None, r"\leqslant")],
    r"\newcommand{\a}[1]{#1!}\let\b\a": [Macro("a", 1, None, "#1!"), Macro("b", 1, None, "#1!")],
    r"\let\old\phi\renewcommand{\phi}{\varphi}": [
        Macro("old", 0, None, r"\phi", literal=True),
        Macro("phi", 0, None, r"\varphi"),
    ],
    "\\newcommand{\\a}{% remark with {\n  x % and \\} more\n}": [Macro("a", 0, None, "x")],
    r"\newcommand{\R}{\ensuremath{\mathbb{R}}\xspace}": [Macro("R", 0, None, r"{\mathbb{R}}")],
    r"\newcommand{\set}{\{a\}}": [Macro("set", 0, None, r"\{a\}")],
    r"\newcommand{\|}{\Vert}": [Macro("|", 0, None, r"\Vert")],
}


@pytest.mark.parametrize("tex", DEFINITIONS)
def test_definitions(tex):
    assert definitions_in(tex) == (DEFINITIONS[tex], "")
    assert definitions_in(f"a {tex}\nb") == (DEFINITIONS[tex], "a b")


@pytest.mark.parametrize(
    "tex",
    [
        "",
        "x^2",
        r"\def\f(#1){#1}",
        r"\def\f#1,#2;{#1}",
        r"\def\f#1\end{x}",
        r"\newcommand{\a}{open",
        r"\newcommand{\a}",
        r"\newcommand",
        r"\\newcommand{\a}{b}",
        r"% \newcommand{\a}{b}",
        r"\newcommandx{\a}{b}",
        r"\definecolor{a}{b}",
        r"\letter\a\b",
        r"\left( \a \right)",
    ],
)
def test_no_definitions(tex):
    assert definitions_in(tex) == ([], tex)


def test_rest_keeps_its_words_apart():
    assert definitions_in(r"\alpha\newcommand{\a}{b} x")[1] == r"\alpha x"
    assert definitions_in(r"\newcommand{\a}{b}\def\c{d}\a + \c") == (
        [Macro("a", 0, None, "b"), Macro("c", 0, None, "d")],
        r"\a + \c",
    )


@pytest.mark.parametrize("tex", [*DEFINITIONS, r"\newcommand{\opt}[3][a,b]{#1#2#3}"])
def test_str_is_a_definition(tex):
    found, _ = definitions_in(tex)
    assert definitions_in("".join(map(str, found)))[0] == found


CONFIGURED = {
    r"""MathJax.Hub.Config({TeX: {Macros: {R: "{\\mathbb{R}}", vec: ["{\\mathbf #1}", 1]}}});""": [
        Macro("R", 0, None, r"{\mathbb{R}}"),
        Macro("vec", 1, None, r"{\mathbf #1}"),
    ],
    r"""window.MathJax = {tex: {macros: {opt: ['\\|#2\\|_{#1}', 2, '2'],},}};""": [
        Macro("opt", 2, "2", r"\|#2\|_{#1}")
    ],
    r"""renderMathInElement(document.body, {macros: {"\\R": "\\mathbb{R}", "\\abs": "|#1|"}})""": [
        Macro("R", 0, None, r"\mathbb{R}"),
        Macro("abs", 1, None, "|#1|"),
    ],
    r"""const macros = { // reals: "\\no": "no",
        '\\RR': '\\mathbb{R}', /* "\\x": "y" */ "\\f": "\\relax{#1}" };""": [
        Macro("RR", 0, None, r"\mathbb{R}"),
        Macro("f", 1, None, r"\relax{#1}"),
    ],
    r"""{"TeX": {"Macros": {"E": ["\\mathbb{E}\\left[#1\\right]", "1"], "bad": 3, "fn": (x) => x, "g": {a: "b"}}}}""": [
        Macro("E", 0 + 1, None, r"\mathbb{E}\left[#1\right]"),
    ],
    r"""macros: {a: "\x5calpha", b: "\u005Cbeta", c: '\\text{it\'s}', d: "a" + "b", e: "x\
y"}""": [
        Macro("a", 0, None, r"\alpha"),
        Macro("b", 0, None, r"\beta"),
        Macro("c", 0, None, r"\text{it's}"),
        Macro("d", 0, None, "ab"),
        Macro("e", 0, None, "xy"),
    ],
    r"macros: {R: String.raw`\mathbb{R}`, Z: `\\mathbb{Z}`}": [
        Macro("R", 0, None, r"\mathbb{R}"),
        Macro("Z", 0, None, r"\mathbb{Z}"),
    ],
    r"""TEX.Macro("R", "{\\bf R}"); TEX.Macro("bold", "{\\bf #1}", 1);""": [
        Macro("R", 0, None, r"{\bf R}"),
        Macro("bold", 1, None, r"{\bf #1}"),
    ],
    r"""macros: {cut: ['a#1', 1, [null, '\\stop']], u: "http://a.b"} // macros: {z: "no"}""": [
        Macro("cut", 1, None, "a#1"),
        Macro("u", 0, None, "http://a.b"),
    ],
    r"""macros: {open: "yes", broken: "no""": [Macro("open", 0, None, "yes")],
    "macros: {}": [],
    "var macrosome = 3; macros": [],
    "": [],
    "macros: {a: {macros: {b: 'c'}}}": [],
}


@pytest.mark.parametrize("scripts", CONFIGURED)
def test_configured(scripts):
    found = configured_macros(scripts)
    assert [macro for macro in found if macro.name != "broken"] == CONFIGURED[scripts]


MACROS = {
    macro.name: macro
    for macro in [
        Macro("R", 0, None, r"\mathbb{R}"),
        Macro("ep", 0, None, r"\varepsilon"),
        Macro("norm", 1, None, r"\|#1\|"),
        Macro("inner", 2, None, r"\langle #1, #2 \rangle"),
        Macro("pnorm", 2, "2", r"\|#2\|_{#1}"),
        Macro("vec", 1, None, r"\vec{\mathbf{#1}}"),
        Macro("nothing", 0, None, ""),
        Macro("dd", 1, None, r"\frac{\mathrm{d}}{\mathrm{d} #1}"),
        Macro("tail", 0, None, r"\norm"),
        Macro("old", 0, None, r"\phi", literal=True),
        Macro("phi", 0, None, r"\varphi"),
        Macro("ping", 0, None, r"a\pong"),
        Macro("pong", 0, None, r"b\ping"),
        Macro("bf", 1, None, r"\mathbf #1"),
        Macro("!", 0, None, r"\Vert"),
    ]
}
EXPANDED = {
    r"x \in \R": r"x \in \mathbb{R}",
    r"\R^n": r"\mathbb{R}^n",
    r"\ep x": r"\varepsilon x",
    r"\ep{}x": r"\varepsilon{}x",
    r"\norm{x}": r"\|x\|",
    r"\norm x": r"\|x\|",
    r"\norm\alpha y": r"\|\alpha\| y",
    r"\norm {a{b}c}": r"\|a{b}c\|",
    r"\norm{\norm{x}+\R}": r"\|\|x\|+\mathbb{R}\|",
    r"\inner{a}{b}": r"\langle a, b \rangle",
    r"\inner ab": r"\langle a, b \rangle",
    r"\pnorm{x}": r"\|x\|_{2}",
    r"\pnorm[1]{x}": r"\|x\|_{1}",
    r"\pnorm[{]}]{x}": r"\|x\|_{{]}}",
    r"\pnorm [\R] {x}": r"\|x\|_{\mathbb{R}}",
    r"\pnorm [x": r"\|[\|_{2}x",
    r"\vec{x}": r"\vec{\mathbf{x}}",
    r"\vec{\vec{x}}": r"\vec{\mathbf{\vec{\mathbf{x}}}}",
    r"\norm{\vec{x}}": r"\|\vec{\mathbf{x}}\|",
    r"a\nothing b": "a b",
    r"\alpha\nothing{}x": r"\alpha{}x",
    r"\tail{x}": r"\|x\|",
    r"\old\phi": r"\phi\varphi",
    r"\ping": r"ab\ping",
    r"\bf x": r"\mathbf x",
    r"\bf{xy}": r"\mathbf xy",
    r"x^\R": r"x^{\mathbb{R}}",
    r"x_\ep": r"x_\varepsilon",
    r"\hat\R": r"\hat{\mathbb{R}}",
    r"\hat{\R}": r"\hat{\mathbb{R}}",
    r"\frac\ep2": r"\frac\varepsilon2",
    r"\dd x y": r"\frac{\mathrm{d}}{\mathrm{d} x} y",
    r"\!x\!": r"\Vert x\Vert",
    r"\Rx \Re \epsilon": r"\Rx \Re \epsilon",
    r"\\R \\norm{x}": r"\\R \\norm{x}",
    r"\norm": r"\norm",
    r"\norm}": r"\norm}",
    r"\norm{x": r"\norm{x",
    r"\inner{x} ": r"\inner{x} ",
    r"\inner{a} {b} c": r"\langle a, b \rangle c",
    r"\norm & x": r"\norm & x",
    "% \\R\n\\R": "% \\R\n\\mathbb{R}",
    r"\def\R(#1){x}": r"\def\R(#1){x}",
    r"\text{in \R}": r"\text{in \mathbb{R}}",
    "no macro": "no macro",
    "": "",
    "\\": "\\",
}


@pytest.mark.parametrize("tex", EXPANDED)
def test_expand(tex):
    assert expand(tex, MACROS) == EXPANDED[tex]


def test_too_much_is_given_back():
    doubling = {chr(97 + level): Macro(chr(97 + level), 0, None, f"\\{chr(98 + level)}" * 2) for level in range(25)}
    assert expand(r"\a x", doubling) == r"\a x"
    copies = {"d": Macro("d", 1, None, "#1#1")}
    assert expand(r"\d{\d{x}}", copies) == "xxxx"
    deep = r"\d{" * 40 + "x" + "}" * 40
    assert expand(deep, copies) == deep
    long = {"l": Macro("l", 0, None, "x" * 100_000)}
    assert expand(r"\l" * 1000, long) == r"\l" * 1000


@pytest.mark.parametrize(
    "tex",
    [
        r"\norm{" * 150_000,
        r"\norm{" * 80_000 + "}" * 80_000,
        r"\pnorm[" * 120_000,
        r"\norm " * 170_000,
        r"\R " * 300_000,
        r"\newcommand{\a}{" * 60_000,
        r"\newcommand{\a}[1][" * 50_000,
        r"\def\a#1" * 120_000,
        r"\global" * 140_000,
        "macros: {" * 110_000,
        "macros: {a: '\\" + "\\'" * 500_000,
        "macros: {" + "/*" * 500_000,
        "macros: {a: [" + "[" * 1_000_000,
        "macros: {" + " " * 1_000_000 + "}",
        "macros: {" + "`\\" * 500_000,
    ],
    ids=range(15),
)
def test_large_and_deep(tex):
    expand(tex, MACROS)
    definitions_in(tex)
    configured_macros(tex)


WORDS = r"""\newcommand \renewcommand \def \let \DeclareMathOperator { } [ ] # #1 #2 1 2 \a \b \R \norm \pnorm \vec x %
* = macros: Macros={ , : ' " ` \\ \' // /* */ + String.raw` '\\a' "\\b":"c" """
FRAGMENTS = st.sampled_from([*WORDS.split(), "\n", " ", "\\"])
TEXTS = st.one_of(st.text(), st.lists(FRAGMENTS, max_size=60).map("".join))


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_never_raises(text):
    found, rest = definitions_in(text)
    assert len(rest) <= len(text) + len(found)
    expand(text, MACROS | {macro.name: macro for macro in found})
    for macro in configured_macros(f"macros: {{{text}") + configured_macros(text):
        str(macro).encode()


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([r"\R", r"\norm", r"\pnorm", r"\vec", "{x}", "{", "}", "[", "]", "x", " "]), max_size=40)
)
def test_braces_stay_balanced(pieces):
    tex = "".join(pieces)
    if _balanced(tex):
        assert _balanced(expand(tex, MACROS))


def _balanced(tex: str) -> bool:
    depth = 0
    for char in tex:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0
