"""Blocks as Markdown: one small page for each thing that text is made of."""

from __future__ import annotations

import pytest

from curation.html.code_language import language_in
from curation.html.extract import html_to_text

SENTENCE = "This is a sentence of the lesson, and it is long enough to be one."

WRITTEN = {
    "headings": (f"<h2>Limits</h2><p>{SENTENCE}</p>", f"## Limits\n\n{SENTENCE}"),
    "bullets": ("<ul><li>one, two<li>three</ul>", "- one, two\n- three"),
    "numbers": ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
    "nested": ("<ul><li>a<ol><li>b<li>c</ol><li>d</ul>", "- a\n  1. b\n  2. c\n- d"),
    "an item of two paragraphs": ("<ul><li><p>a</p><p>b</p></ul>", "- a\n\nb"),
    "table": (
        "<table><tr><th>x<th>y<tr><td>1<td>2|3</table>",
        "| x | y |\n| --- | --- |\n| 1 | 2\\|3 |",
    ),
    "empty cells": (
        "<table><tr><th><th>1<th>2<tr><th>3<td><td></table>",
        "|  | 1 | 2 |\n| --- | --- | --- |\n| 3 |  |  |",
    ),
    "cells for layout": (f"<table><tr><td></td><td><p>{SENTENCE}</p></td></tr></table>", SENTENCE),
    "code of one line": ("<pre><code class='language-sh'># a</code></pre>", "```sh\n# a\n```"),
    "code with a fence": ("<pre>```\nx</pre>", "````\n```\nx\n````"),
    "code after code": ("<pre class='lang-js'>a\nb</pre><pre>c\nd</pre>", "```js\na\nb\n```\n\n```\nc\nd\n```"),
    "quotation": (f"<blockquote><p>{SENTENCE}</p><p>b</p></blockquote>", f"> {SENTENCE}\n\n> b"),
    "code": (
        '<pre><code class="language-python">def f(x):\n    return x\n</code></pre>',
        "```python\ndef f(x):\n    return x\n```",
    ),
    "indentation of the first line": ("<pre>\n    a\n  b\n</pre>", "```\n    a\n  b\n```"),
    "code in spans": ("<pre><span>a</span> = <span>1</span>\n<b>b</b></pre>", "```\na = 1\nb\n```"),
    "code in a line": ("<p>Call <code>f(x)</code> now.</p>", "Call `f(x)` now."),
    "lines": ("<p>one<br>two<br/>three</p>", "one\ntwo\nthree"),
    "terms": ("<dl><dt>Ring</dt><dd>A set, with more.</dd></dl>", "Ring\n\nA set, with more."),
    "entities": ("<p>a &lt; b &amp;&nbsp;c &eacute;&#8212;&#x2264; &copy</p>", "a < b & c é—≤ ©"),
    "no entity": ("<p>AT&T &foo; &#xFDD0; &</p>", "AT&T &foo; \ufffd &"),
    "words around tags": ("<p>a<b>b</b>c <i>d</i>, e</p>", "abc d, e"),
    "Chinese": ("<p>数学<span>很</span>好。</p>", "数学很好。"),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_written(kind):
    body, expected = WRITTEN[kind]
    assert html_to_text(f"<p>{SENTENCE}</p>{body}", main_content=False) == f"{SENTENCE}\n\n{expected}"


@pytest.mark.parametrize(
    ("source", "language"),
    [
        ('<pre class="lang-js">', "js"),
        ('<div class="highlight-python notranslate"><pre>', "python"),
        ('<pre class="brush: sql">', "sql"),
        ('<div class="sourceCode" id="cb1"><pre class="sourceCode r"><code class="sourceCode r">', "r"),
        ('<pre data-lang="c++">', "c++"),
        ('<pre class="highlight-none">', ""),
        ("<pre>", ""),
    ],
)
def test_language_of_code(source, language):
    assert language_in(source) == language
