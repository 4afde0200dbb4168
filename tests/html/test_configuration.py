"""What pages tell MathJax and KaTeX."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.html.configuration import configuration_of
from curation.html.extract import html_to_text

DOLLARS = {
    "MathJax 2": "MathJax.Hub.Config({tex2jax: {inlineMath: [['$','$'], ['\\\\(','\\\\)']]}});",
    "MathJax 3": 'MathJax = {tex: {inlineMath: [["\\\\(", "\\\\)"], ["$", "$"]]}};',
    "MathJax 4": "MathJax = {tex: {inlineMath: {'[+]': [['$', '$']]}}};",
    "KaTeX": 'renderMathInElement(document.body, {delimiters: [{left: "$$", right: "$$", display: true},'
    ' {left: "$", right: "$", display: false}]});',
}


@pytest.mark.parametrize("kind", DOLLARS)
def test_single_dollars(kind):
    configuration = configuration_of(DOLLARS[kind])
    assert configuration.dollars and configuration.others == ()


@pytest.mark.parametrize(
    "script",
    ["", "var inlineMath;", "inlineMath: [['\\\\(','\\\\)']]", "delimiters: [", "inlineMath: [['$'", "displayMath: 3"],
)
def test_nothing_is_said(script):
    configuration = configuration_of(script)
    assert not configuration.dollars and configuration.others == () and not configuration.asciimath


def test_delimiters_of_one_page():
    script = "MathJax = {tex: {inlineMath: [['@@','@@']], displayMath: [['<<<','>>>'], ['$$','$$']]}}"
    assert configuration_of(script).others == (("<<<", ">>>", True), ("@@", "@@", False))
    page = f"<script>{script}</script><article><p>Let @@x^2@@ be, and @@y@@ too. Mail a@b.c or d@e.f now.</p></article>"
    assert html_to_text(page) == "Let $x^2$ be, and $y$ too. Mail a@b.c or d@e.f now."


def test_letters_are_no_delimiters():
    assert configuration_of("inlineMath: [['a','b'], ['math','endmath'], ['@','@']]").others == ()


def test_asciimath():
    page = '<script src="MathJax.js?config=AM_CHTML"></script>' + (
        "<article><p>Let `sum_(i=1)^n i^3` be, {} too.</p></article>"
    )
    assert r"Let $\sum_{i=1}^n i^3$ be" in html_to_text(page.replace("{}", ""))
    for code in ("`x.append(y)`", "`int a = b; c`", "`variable = something`"):
        assert code in html_to_text(page.replace("{}", code))


def test_macros():
    macros = configuration_of("MathJax = {tex: {macros: {RR: '{\\\\mathbb R}', half: ['\\\\frac{#1}{2}', 1]}}}").macros
    assert [(macro.name, macro.parameters) for macro in macros] == [("RR", 0), ("half", 1)]


@given(st.text(alphabet="[]{}'\"\\:,$ inlineMathdelimiterslr\n"))
def test_any_script_is_read(script):
    assert configuration_of("inlineMath: " + script + " delimiters: " + script) is not None
