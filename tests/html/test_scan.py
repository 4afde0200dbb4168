"""The tokens of a page."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html import tags
from curation.html.scan import END, RAW_TEXT, START, TEXT, tokens

SIGNS = {TEXT: "", START: "+", END: "-", RAW_TEXT: "raw "}


def scanned(html):
    source = html.encode()
    return source, tokens(source, np.frombuffer(source, np.uint8))


def shown(html):
    """Tokens as ``+p`` and ``-p``, ``raw script: …``, or their text."""
    source, (kind, names, starts, ends, _, _) = scanned(html)
    return [
        f"{SIGNS[what]}{['?', *tags.NAMES][name]}" if what in (START, END) else f"{SIGNS[what]}{source[a:b].decode()}"
        for what, name, a, b in zip(kind, names, starts, ends, strict=True)
    ]


CASES = {
    "": [],
    "a": ["a"],
    "<": ["<"],
    "a < b <3": ["a < b <3"],
    "a<b>c</b>": ["a", "+b", "c", "-b"],
    "<P\n class=nav\n>a</p >": ["+p", "a", "-p"],
    "<unknown-thing>a": ["+?", "a"],
    "<m:math>": ["+math"],
    "<br/>a": ["+br", "a"],
    '<p title="a>b">c': ["+p", "c"],
    "<p title='a>b'>c": ["+p", "c"],
    "<p title=a'>b": ["+p", "b"],
    # Comments, declarations, and what is treated as such.
    "a<!-- b > c -->d": ["a", "d"],
    "<!-->a": ["a"],
    "<!--->a": ["a"],
    "<!doctype html>a": ["a"],
    "<?php b ?>a": ["a"],
    "</>a</ p>b": ["a", "b"],
    # Raw text.
    "<script>a<b</p></script>c": ["+script", "raw a<b</p>", "-script", "c"],
    "<SCRIPT>a</sCript >c": ["+script", "raw a", "-script", "c"],
    "<script>a</scripty></script>": ["+script", "raw a</scripty>", "-script"],
    "<script></script>c": ["+script", "-script", "c"],
    "<script/>c": ["+script", "c"],
    "<title>a&amp;</title>": ["+title", "raw a&amp;", "-title"],
    "<textarea><p></textarea>b": ["+textarea", "raw <p>", "-textarea", "b"],
    # Unclosed everything.
    "<p": ["+p"],
    "<p a": ["+p"],
    "<p a=": ["+p"],
    '<p a="b>c': ["+p"],
    "</p": ["-p"],
    "<!-- a": [],
    "<!a": [],
    "<script>a": ["+script", "raw a"],
    "<style>a</style": ["+style", "raw a", "-style"],
}


@pytest.mark.parametrize("html", CASES)
def test_tokens(html):
    assert shown(html) == CASES[html]


SAID = {
    '<p class="site-nav">': "site nav",
    '<p class="siteNav">': "site nav",
    '<p class="SITE_NAV x">': "site nav",
    "<p id=comments>": "comment",
    "<p role=search>": "search",
    '<p class="navx">': "",
    '<p data-class="nav">': "",
    "<p title=nav>": "",
}


@pytest.mark.parametrize("html", SAID)
def test_groups_of_class_names(html):
    _, (_, _, _, _, bits, _) = scanned(html)
    assert int(bits[0]) == sum(tags.GROUP_BITS[group] for group in SAID[html].split())


HIDDEN = {
    "<p hidden>": True,
    "<p style='display: none'>": True,
    "<p style='color:red;DISPLAY:NONE !important'>": True,
    "<p style=visibility:hidden>": True,
    "<p style='display: block'>": False,
    "<p style='none: display'>": False,
    "<p style='display: ; x: none'>": False,
}


@pytest.mark.parametrize("html", HIDDEN)
def test_hidden_elements(html):
    _, (_, _, _, _, bits, _) = scanned(html)
    assert bool(int(bits[0]) & tags.HIDDEN) == HIDDEN[html]


MATHEMATICS = {
    "<math>": tags.MATHML,
    "<span class='a katex b'>": tags.RENDERED | tags.LEAF,
    "<span class=Katex>": 0,
    "<script type=math/tex>": tags.MATH_SCRIPT,
    "<script type=text/javascript>": 0,
    "<img alt='$x$'>": tags.IMAGE,
    "<img src=/latex.php?x>": tags.IMAGE,
    "<img src=/photo.jpg alt=photo>": 0,
    "<span data-latex=x>": tags.DATA_TEX,
    "<tex>": tags.LEAF,
}


@pytest.mark.parametrize("html", MATHEMATICS)
def test_what_is_worth_a_look_for_mathematics(html):
    _, (_, _, _, _, _, math) = scanned(html)
    assert math[0] == MATHEMATICS[html]


# Whole tags, pieces of tags and text, in any order.
PIECES = [
    *["<", ">", "</", "/>", "<!--", "-->", "<!", "<?", '"', "'", "=", " ", "\n", "&", ";", "&amp;", "&#", "$", "\\("],
    *["<p>", "</p>", "<li>", "<ol>", "</ul>", "<td>", "<table>", "</table>", "<pre>", "<code>", "</code>", "<sup>"],
    *["</sup>", "<a href=x>", "</a>", "<br>", "<script>", "</script>", "<title>", "<textarea", "<p class=", "</div>"],
    *["<div hidden>", "<math>", "</math>", "é日"],
]
markup = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=60).map("".join)


@settings(max_examples=300, deadline=None)
@given(markup)
def test_tokens_cover_the_page_in_order(html):
    source, (kind, _, starts, ends, _, _) = scanned(html.encode("utf-8", "replace").decode())
    at = 0
    for what, start, end in zip(kind.tolist(), starts.tolist(), ends.tolist(), strict=True):
        # Only comments, declarations and end tags without a name are no tokens.
        assert start == at or source[at : at + 2] in (b"<!", b"<?", b"</")
        assert at <= start < end <= len(source)
        assert (source[start : start + 1] == b"<") or what in (TEXT, RAW_TEXT)
        at = end
    assert at == len(source) or source[at : at + 2] in (b"<!", b"<?", b"</")
