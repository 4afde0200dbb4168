"""The blocks of a page: where they begin and end, and what is written in them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html import tags
from curation.html.blocks import read
from curation.html.columns import (
    BULLET,
    CAPITALS,
    CELLS,
    CHARS,
    COMMAS,
    DIGITS,
    ENDERS,
    IMAGES,
    LEVEL,
    LINK_CHARS,
    LINKS,
    LIST,
    NO_ITEM,
    ORDINAL,
    QUOTE,
    SHORT,
    TABLE,
    TEX,
    WORDS,
)
from curation.html.open_elements import MAX_DEPTH

CODE = {"\ufdd2": "`", "\ufdd3": "`", "\ufdd0": "{", "\ufdd1": "}"}


def texts(html):
    blocks = read(html.encode())
    return [blocks.text(i).translate(str.maketrans(CODE)) for i in range(len(blocks.rows))]


def column(html, number):
    return read(html.encode()).rows[:, number].tolist()


CASES = {
    "": [],
    "<p> <p>\n": [],
    "a": ["a"],
    # End tags that are left out, crossed, or too many.
    "<p>a<p>b": ["a", "b"],
    "<p>a<div>b</div>c": ["a", "b", "c"],
    "<ul><li>a<li>b</ul>c": ["a", "b", "c"],
    "<ul><li>a<ul><li>b</ul><li>c</ul>d": ["a", "b", "c", "d"],
    "<dl><dt>a<dd>b<dt>c</dl>d": ["a", "b", "c", "d"],
    "<h1>a<h2>b</h2>c": ["a", "b", "c"],
    "<h1>a</h2>b": ["a", "b"],
    "<b>a<p>b</b>c": ["a", "bc"],
    "<div><p>a</div>b</p>c": ["a", "b", "c"],
    "</p></div>a</table>": ["a"],
    "<p>a<unknown>b</unknown>c": ["abc"],
    # White space, breaks and rules.
    "<p>a\n\n b\t c ": ["a b c"],
    "<p>a <b> b</b> c": ["a b c"],
    "<p>a\u00a0b&nbsp;&nbsp; c": ["a b c"],
    "a<br>b<br/>c": ["a\nb\nc"],
    "<br>a<br>": ["a"],
    "<p>a<hr>b": ["a", "b"],
    # Entities.
    "a&amp;b &lt;c&gt; &eacute;&#233;&#xE9;&#XE9;": ["a&b <c> éééé"],
    "&amp &copy;a &nosuch; & &; &#; &#x;": ["& ©a &nosuch; & &; &#; &#x;"],
    "&#128;&#0;&#xD800;&#x110000;&#xFDD0;": ["€����"],
    "&bne;": ["=\u20e5"],
    "&#x1F600;": ["😀"],
    # What is not shown.
    "<p>a<!-- b -->c": ["ac"],
    "<p>a<script>b</script>c<style>d</style>": ["ac"],
    "<p>a<noscript>b</noscript><svg><text>c</text></svg>d": ["ad"],
    "<p>a<span hidden>b</span>c": ["ac"],
    "<p>a<a class=headerlink href=#>¶</a>b": ["ab"],
    "<p>a<button>b</button><textarea>c</textarea>d": ["ad"],
    # Code.
    "<p>use <code>a  b</code> now": ["use `a b` now"],
    "<p><code></code>a": ["a"],
    "<pre>\n  a\n    b\n</pre>c": ["  a\n    b", "c"],
    "<pre><code>a\n\nb</code></pre>": ["a\n\nb"],
    "<pre><div>a</div><div>b</div></pre>": ["a\nb"],
    # Exponents, which are not ordinals or footnotes.
    "<p>x<sup>2</sup> 10<sup>-6</sup>": ["x^2 10^{-6}"],
    "<p>1<sup>st</sup> word<sup>3</sup>": ["1st word3"],
    "<p>a<sub>1</sub>": ["a1"],
    "<p><math><mi>x</mi></math> a<sub>1</sub>": ["{0} a_1"],
    # Tables: a block a row, but for cells that hold blocks.
    "<table><tr><td>a<td>b<tr><td>c<td>d</table>": ["a\tb", "c\td"],
    "<table><tr><th>a</th><th>b</th></tr><tr><td><p>c</p><p>d</p></td><td>e</td></tr></table>": ["a\tb", "c", "d", "e"],
    "<table><tr><td><ul><li>a<li>b</ul><td>c</table>": ["a", "b", "c"],
    "<td>a<td>b": ["a\tb"],
    f"<table><tr><td>{'a' * 500}<td>b</table>": ["a" * 500, "b"],
    # Other scripts.
    "<p>日本語の文。<p>한국어": ["日本語の文。", "한국어"],
}


@pytest.mark.parametrize("html", CASES)
def test_texts_of_blocks(html):
    assert texts(html) == CASES[html]


COLUMNS = [
    ("<ol><li>a<li>b<ul><li>c<p>d</ul><li>e</ol>f", ORDINAL, [1, 2, BULLET, NO_ITEM, 3, NO_ITEM]),
    ("<ol><li>a<li>b<ul><li>c<p>d</ul><li>e</ol>f", LIST, [1, 1, 2, 2, 1, 0]),
    ("<h1>a</h1><h6>b</h6><p>c", LEVEL, [1, 6, 0]),
    ("<blockquote><p>a<blockquote>b</blockquote></blockquote>c", QUOTE, [1, 2, 0]),
    ("<table><tr><td>a<td>b</table><table><tr><td>c</table>d", TABLE, [1, 2, 0]),
    ("<table><tr><td>a<td>b<td>c</table>", CELLS, [2]),
    ("<p>The cat sat. It is on Mat 12, no?", WORDS, [8]),
    ("<p>The cat sat. It is on Mat 12, no?", CAPITALS, [3]),
    ("<p>The cat sat. It is on Mat 12, no?", SHORT, [8]),
    ("<p>The cat sat. It is on Mat 12, no?", DIGITS, [2]),
    ("<p>The cat sat. It is on Mat 12, no?", ENDERS, [2]),
    ("<p>The cat sat. It is on Mat 12, no?", COMMAS, [1]),
    ("<p>é日 a", CHARS, [3]),
    ("<p>日本語の文。和，", ENDERS, [1]),
    ("<p>日本語の文。和，", COMMAS, [1]),
    ("<p>a <a href=x>bc</a>", LINK_CHARS, [2]),
    ("<p>a <a href=x>bc</a>", LINKS, [1]),
    ("<p>a<img src=b>", IMAGES, [1]),
    (r"<p>\(a\) $b$ \begin{c}", TEX, [10]),
]


@pytest.mark.parametrize(("html", "number", "values"), COLUMNS)
def test_columns_of_blocks(html, number, values):
    assert column(html, number) == values


def test_a_block_knows_what_stands_around_it():
    blocks = read(b"<nav class=menu><p>a</nav><div hidden>b</div><p>c <b class=ad>d</b>")
    own = [int(bits) & (tags.IN_NAV | tags.HIDDEN | tags.GROUP_BITS["menu"]) for bits in blocks.bits]
    assert own == [tags.IN_NAV | tags.GROUP_BITS["menu"], tags.HIDDEN, 0]


def test_what_is_nested_too_deep_keeps_its_text():
    blocks = read(b"<div>" * (2 * MAX_DEPTH) + b"a<p>b")
    assert blocks.too_deep
    assert [blocks.text(i) for i in range(len(blocks.rows))] == ["a", "b"]
    assert not read(b"<div>" * 50 + b"a").too_deep


@pytest.mark.parametrize(
    "tag", ["<p>", "<b>", "<li>", "<ul><li>", "<table><tr><td>", "<h2>", "<pre>", "<a>", "<sup>", "<code>"]
)
def test_ten_thousand_open_elements(tag):
    assert "".join(texts(tag * 10_000 + "a")).replace("`", "").strip() == "a"


PIECES = [
    *[
        "<p>",
        "</p>",
        "<li>",
        "<ol>",
        "<ul>",
        "</ul>",
        "<td>",
        "<tr>",
        "<table>",
        "</table>",
        "<pre>",
        "</pre>",
        "<code>",
    ],
    *[
        "</code>",
        "<sup>",
        "<sub>",
        "</sup>",
        "<a href=x>",
        "</a>",
        "<br>",
        "<hr>",
        "<h2>",
        "</h3>",
        "<div hidden>",
        "</div>",
    ],
    *[
        "<script>",
        "</script>",
        "<math><mi>x</mi></math>",
        "<!--",
        "-->",
        "<",
        "&",
        "&amp;",
        "&#",
        "&bne;",
        "\u00a0",
        "\n",
    ],
    *[
        "é",
        "日本",
        "😀",
        "x",
        "2",
        "word ",
        "$",
        "\\(",
        "<blockquote>",
        "<select><option>",
        "<svg>",
        "<b class=gutter>",
    ],
]
markup = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=80).map("".join)


@settings(max_examples=300, deadline=None)
@given(markup)
def test_any_markup_gives_blocks_of_valid_text(html):
    source = html.encode("utf-8", "replace").translate(None, b"\0")
    blocks = read(source)
    assert len(blocks.rows) <= source.count(b"<") + 1
    at = 0
    for first, last in blocks.rows[:, :2].tolist():
        assert at <= first < last <= len(blocks.out)
        blocks.out[first:last].decode()
        at = last
