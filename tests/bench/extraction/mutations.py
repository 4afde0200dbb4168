"""Pages as nobody meant them: ``mutated(7, pages)`` is always the same broken page, and what was done to it.

Each number has a random generator of its own, so that one case can be made again without the ones before it.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

SEED = 20261126
# Long enough for every quadratic step to show, short enough for 10,000 of them.
MOST_CHARS = 1_500_000

_TAG = re.compile(r"<[^<>]*>")
_SCRAPS = (
    *("<math>", "</math>", "<semantics>", '<annotation encoding="application/x-tex">', "</annotation>", "<mfrac>"),
    *('<script type="math/tex">', "</script>", '<span class="katex">', '<span class="MathJax_Preview">', "<table>"),
    *("$", "$$", "\\(", "\\)", "\\[", "\\]", "\\begin{align}", "\\end{align}", "\\$", "{", "}", "`", "```", "|"),
    *("<div>", "</div>", "<li>", "<ul>", "<pre>", "<code>", "<!--", "-->", "<![CDATA[", "<p", "&lt;", "&#36;", "&"),
    *("\0", "\ud800", "\udfff", "\ufdd0", "\ufdd1", "\ue000", "\ufeff", "\u2028", "\x0b", "\U0010ffff"),
)


def mutated(number: int, pages: Sequence[str]) -> tuple[str, str]:
    """The broken page of this number, and the name of the mutation."""
    chance = random.Random(f"{SEED} {number}")
    name = chance.choice(list(MUTATIONS))
    return MUTATIONS[name](chance, chance.choice(pages), pages)[:MOST_CHARS], name


def _truncated(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    start = chance.randrange(len(html) // 2 + 1) if chance.random() < 0.3 else 0
    return html[start : chance.randrange(start, len(html) + 1)]


def _spliced(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    other = chance.choice(pages)
    return html[: chance.randrange(len(html) + 1)] + other[chance.randrange(len(other) + 1) :]


def _flipped(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    data = bytearray(html.encode("utf-8", "surrogatepass"))
    for _ in range(chance.choice((1, 20, 500)) if data else 0):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data.decode("utf-8", chance.choice(("replace", "surrogateescape")))


def _shuffled_tags(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    tags = _TAG.findall(html)
    start, length = chance.randrange(len(tags) + 1), chance.choice((5, 100, len(tags)))
    window = tags[start : start + length]
    chance.shuffle(window)
    queue = iter(tags[:start] + window + tags[start + length :])
    return _TAG.sub(lambda _: next(queue), html)


def _broken_attributes(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    rate = chance.choice((0.01, 0.2))

    def broken(tag: re.Match[str]) -> str:
        if chance.random() > rate:
            return tag[0]
        place = chance.randrange(1, len(tag[0]) + 1)
        cut = place + chance.choice((0, 0, 1, 4))
        return tag[0][:place] + chance.choice(('"', "'", "=", "<", "", " /", ">", "\0")) + tag[0][cut:]

    return _TAG.sub(broken, html)


def _dropped_tags(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    rate, closing = chance.choice((0.02, 0.5)), chance.random() < 0.7
    return _TAG.sub(
        lambda tag: "" if chance.random() < rate and tag[0].startswith("</") == closing else tag[0],
        html,
    )


def _repeated(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    """A scrap, a tag or a piece of the page, up to 50,000 times over."""
    tags = _TAG.findall(html) or ["<p>"]
    start = chance.randrange(len(html) + 1)
    piece = chance.choice((chance.choice(_SCRAPS), chance.choice(tags), html[start : start + chance.randrange(2_000)]))
    times = min(chance.choice((100, 3_000, 50_000)), 1_000_000 // max(1, len(piece)))
    place = chance.randrange(len(html) + 1)
    return html[:place] + piece * times + html[place:]


def _sown(chance: random.Random, html: str, pages: Sequence[str]) -> str:
    """Scraps of mathematics, markup and odd characters all over the page."""
    places = sorted(chance.randrange(len(html) + 1) for _ in range(chance.choice((3, 50, 1_000))))
    pieces = [html[a:b] + chance.choice(_SCRAPS) for a, b in zip([0, *places], places, strict=False)]
    return "".join(pieces) + html[places[-1] :]


MUTATIONS: dict[str, Callable[[random.Random, str, Sequence[str]], str]] = {
    "truncated": _truncated,
    "spliced": _spliced,
    "flipped": _flipped,
    "shuffled tags": _shuffled_tags,
    "broken attributes": _broken_attributes,
    "dropped tags": _dropped_tags,
    "repeated": _repeated,
    "sown": _sown,
}
