import re
from pathlib import Path

import pytest

from curation.text.personal import IPS, find_personal, replace_personal
from curation.text.version_numbers import is_no_address

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "code" / "code_files.parquet"
FOUR = re.compile(r"\d+\.\d+\.\d+\.\d+")


def left(text):
    """Whether the first four numbers of a text are left as they are."""
    return is_no_address(text, *FOUR.search(text).span())


@pytest.mark.parametrize(
    "text",
    [
        "Version=4.1.2.3, Culture=neutral",
        '[assembly: AssemblyVersion("1.2.3.4")]',
        '"fileVersion" : "1.2.3.4"',
        "VERSION_NUMBER = '1.2.3.4'",
        "#define VER 1.2.3.4",
        "<Version>1.2.3.4</Version>",
        "release v1.2.3.4",
        "$Id: lauxlib.c,v 1.159.1.3 2008/01/21",
        'gem "x", "~> 1.2.3.4"',
        "wget tool-1.2.3.4.tar.gz",
        'GeneratedCode("TypedDataSetGenerator", "17.0.0.0")',
        "deny 1.208.0.0/12",
        "// 22.1.3.31 Array.prototype[@@unscopables]",
        "// 19.1.2.2 / 15.2.3.5 Object.create(O)",
        "// 21.2.5.3 get RegExp.prototype.flags",
        "// 25.1.2.1.1 %IteratorPrototype%[@@iterator]()",
        "oid 1.3.6.1.4.1.311",
        "keyUsage = 2.5.29.15",
        "see section 4.3.2.1",
        "M0 0 0-.25.25v7.5c0 .138.112.25.25.25h7.5",
    ],
)
def test_what_is_no_address(text):
    assert left(text)
    assert find_personal(text, code=True) == []


@pytest.mark.parametrize(
    "text",
    [
        'connect("8.8.8.8")',
        "ping -v 8.8.8.8",
        'v = "8.8.8.8"',
        "Connecting...8.8.8.8",
        "app.93.184.216.34.nip.io",
        "server 8.8.8.8 # resolver",
        "ask 8.8.8.8.",
        "# 93.184.216.34 example.org",
        "8.8.8.8 Google DNS",
        'echo "\\n8.8.8.8"',
        "recv 8.8.8.8",
        "IPv4: 8.8.8.8",
        "http://8.8.8.8/tool.zip",
        "allow 8.8.8.8/32",
        "8.8.8.8:53, 9.9.9.9",
        "version\n8.8.8.8",
        "version_of(host, '8.8.8.8')",
    ],
)
def test_what_is_an_address(text):
    assert not left(text)
    assert find_personal(text, code=True) == find_personal(text)


def test_what_is_left_takes_no_turn():
    text = "v1.2.3.4 8.8.8.8"
    assert replace_personal(text) == f"v{IPS[0]} {IPS[1]}"
    assert [(span.start, span.replacement) for span in find_personal(text, code=True)] == [(9, IPS[0])]


def test_many_numbers_are_told_in_time_that_grows_with_them():
    text = "version " + "1.2.3.4, " * 50_000
    assert len(find_personal(text, code=True)) == 49_999


def test_most_numbers_in_real_code_are_told_apart():
    if not DATA.exists():
        pytest.skip(f"real data not on this machine: {DATA}")
    import pyarrow.parquet as pq

    texts = pq.read_table(DATA, columns=["content"])["content"].to_pylist()
    found = [(text, span) for text in texts for span in find_personal(text, emails=False)]
    masked = [text[span.start : span.end] for text in texts for span in find_personal(text, emails=False, code=True)]
    assert (len(found), len(masked)) == (696, 55)
    assert masked.count("18.245.0.42") == 4 and masked.count("8.8.8.8") == 4 and masked.count("1.2.3.4") == 7
