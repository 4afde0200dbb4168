"""What one page looks like to each extractor."""

import json

import pytest

from curation.blocks.extract import ExtractText
from curation.errors import ConfigError
from curation.look import EXTRACTORS, View, look

SENTENCE = "Water boils at a lower temperature on a mountain, because the air presses less on it. "
PAGE = f"""<!doctype html><html><head><title>Water</title></head><body>
<nav><a href="/">Home</a> <a href="/about">About</a></nav>
<article><h1>Boiling</h1>{"".join(f"<p>{number}. {SENTENCE * 4}</p>" for number in range(6))}</article></body></html>"""


@pytest.fixture
def page(tmp_path):
    path = tmp_path / "page.html"
    path.write_text(PAGE)
    return str(path)


@pytest.mark.parametrize("extractor", EXTRACTORS)
def test_a_page_is_shown_as_the_step_extracts_it(page, extractor):
    step = ExtractText(extractor=extractor, isolate=False)
    with step._open() as opened:
        ((_, found),) = opened.extract_each([(None, PAGE)])
    (shown,) = look(page, View(extractor=extractor), 1)
    assert shown == found.text and SENTENCE.strip() in shown and "About" not in shown
    (line,) = look(page, View(extractor=extractor, form="json"), 1)
    assert json.loads(line)["text"] == shown


def test_the_whole_page_by_those_that_can(page):
    for extractor in ("mathematics", "main_content", "resiliparse"):
        assert "About" in next(look(page, View(extractor=extractor, main_content=False), 1))


@pytest.mark.parametrize(
    ("view", "said"),
    [
        ({"extractor": "trafilatura", "main_content": False}, "--whole: trafilatura"),
        ({"extractor": "trafilatura", "mathematics": False}, "--no-mathematics: .* trafilatura"),
        ({"extractor": "resiliparse", "macros": "drop"}, "--macros drop"),
        ({"extractor": "ours"}, "expected mathematics, main_content, resiliparse or trafilatura"),
    ],
)
def test_what_an_extractor_cannot(page, view, said):
    with pytest.raises(ConfigError, match=said):
        list(look(page, View(**view), 1))
