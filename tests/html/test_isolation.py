import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curation.errors import CurationError
from curation.html.extract import extract_page
from curation.html.isolation import DirectExtractor, IsolatedExtractor
from curation.html.page import Page

REPOSITORY = Path(__file__).resolve().parents[2]

# What the child runs instead of the extraction: a page says what becomes of it.
HOSTILE = """
import os, signal, sys, time
from curation.html.page import Page

def extract(html, **options):
    order, _, rest = html.partition(" ")
    if order == "sleep":
        time.sleep(float(rest))
    elif order == "sleep_once":  # a file remembers that it has been here
        if not os.path.exists(rest):
            open(rest, "w").close()
            time.sleep(600)
    elif order == "take":
        bytearray(int(rest))
    elif order == "hoard":
        HOARD.append(bytearray(int(rest)))
    elif order == "exit":
        os._exit(int(rest))
    elif order == "signal":
        os.kill(os.getpid(), int(rest))
    elif order == "raise":
        raise KeyError(rest)
    elif order == "panic":
        raise type("PanicException", (BaseException,), {})(rest)
    elif order == "print":
        print("x" * int(rest)), sys.stderr.write("x" * int(rest)), os.write(1, b"x" * 1000)
    elif order == "give":
        return Page("x" * int(rest), True, "T", "en", ("odd",), ("m",))
    elif order == "pid":
        return str(os.getpid())
    return f"{html} {options}" if options else html

HOARD = []

def broken(html):
    raise RuntimeError("nothing works here")
"""
EXTRACT, BROKEN = "hostile_pages:extract", "hostile_pages:broken"


@pytest.fixture(autouse=True)
def hostile(tmp_path, monkeypatch):
    """The module of hostile functions, importable here and so in children too."""
    (tmp_path / "hostile_pages.py").write_text(HOSTILE)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    sys.modules.pop("hostile_pages", None)


def outcomes(extractor, pages):
    return [(page.text, *page.reasons) for page in extractor.extract_many(pages)]


def given(text):
    return Page(text=text, has_mathematics=False, title=None, language=None, reasons=())


def is_running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def wait_until(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.02)


def test_pages_come_in_order_whatever_their_size():
    rng = random.Random(1)
    pages = [f"{i} " + "é" * rng.choice([0, 10, 5_000, 70_000, 700_000]) for i in range(200)]
    with IsolatedExtractor(EXTRACT) as extractor:
        assert [page.text for page in extractor.extract_many(pages)] == pages


def test_any_string_arrives_as_it_is():
    pages = ["", "\x00", "\ud800 lone \udfff", "𝔽 ü ∑", "\r\n", "a" * 3_000_000, "\ufdd0"]
    with IsolatedExtractor(EXTRACT) as extractor:
        assert [page.text for page in extractor.extract_many(pages)] == pages


def test_all_fields_and_options_arrive():
    with IsolatedExtractor(EXTRACT) as extractor:
        assert extractor.extract("give 3") == Page("xxx", True, "T", "en", ("odd",), ("m",))
        assert extractor.extract("a", mathematics=False) == given("a {'mathematics': False}")
        assert extractor.extract("a") == given("a")


def test_300_random_pages_are_the_same_as_without_isolation():
    rng = random.Random(7)
    parts = [
        "<p>", "</p>", "<div>", "</div>", "<table><tr><td>", "\\(x^2\\)", "$$\\frac{a}{b}$$", "<math><mi>x</mi></math>",
        "<script type='math/tex'>\\pi</script>", " words of a page ", "<title>A & B</title>", "é", "𝔽", "\ud800", "$5",
        "<ul><li>", "<", "&amp;", "\n", "<html lang=de>", "<!--", "-->", "<pre> a  b</pre>", "\x00",
    ]  # fmt: skip
    pages = ["".join(rng.choices(parts, k=rng.randrange(300))) for _ in range(300)]
    for options in ({}, {"mathematics": False}):
        with IsolatedExtractor() as isolated, DirectExtractor() as direct:
            found = list(isolated.extract_many(pages, **options))
            assert found == [page for _, page in direct.extract_each(((None, html) for html in pages), **options)]
    assert [page.text for page in found] == [extract_page(html, mathematics=False).text for html in pages]


def test_every_limit_has_its_reason_and_the_run_goes_on():
    pages = [
        "one", "x" * 1001, "two", "sleep 600", "three", "take 900000000", "four", "exit 0", "five", "signal 11", "six",
        "raise it", "seven", "panic now", "eight", "give 1001", "nine",
    ]  # fmt: skip
    limits = {"max_html_chars": 1000, "timeout_seconds": 2, "max_memory_mb": 300}
    with IsolatedExtractor(EXTRACT, **limits) as extractor:
        found = outcomes(extractor, pages)
    reasons = ["too_large", "too_slow", "too_much_memory", "crashed", "crashed", "crashed", "crashed", "too_large"]
    assert found[1::2] == [("", reason) for reason in reasons]
    assert found[::2] == [(page,) for page in pages[::2]]


def test_what_ended_a_page_is_told():
    with IsolatedExtractor(EXTRACT, timeout_seconds=2, max_html_chars=1000) as extractor:
        told = []
        for _ in extractor.extract_many(["a", "x" * 1001, "sleep 600", "exit 3", "signal 11", "raise it", "b"]):
            told.append(extractor.last_words)
    assert told == [
        "", "1,001 characters", "more than 2 s", "the process ended itself with 3",
        "the process was ended by SIGSEGV", "KeyError: 'it'", "",
    ]  # fmt: skip


def test_a_run_of_hostile_pages_only():
    with IsolatedExtractor(EXTRACT) as extractor:
        assert outcomes(extractor, ["exit 1"] * 5) == [("", "crashed")] * 5


def test_the_page_of_a_hiccup_is_not_lost(tmp_path):
    page = f"sleep_once {tmp_path}/been"
    with IsolatedExtractor(EXTRACT, timeout_seconds=2) as extractor:
        assert outcomes(extractor, ["a", page, "b"]) == [("a",), (page,), ("b",)]


def test_the_time_of_one_page_is_not_counted_for_the_next():
    with IsolatedExtractor(EXTRACT, timeout_seconds=3) as extractor:
        assert outcomes(extractor, ["sleep 0.8"] * 5) == [("sleep 0.8",)] * 5


def test_a_slow_caller_makes_no_page_slow():
    sizes = [400_000, 3_000_000] * 2  # the second of each is more than the pipe takes while the caller is away
    with IsolatedExtractor(EXTRACT, timeout_seconds=2) as extractor:
        found = []
        for page in extractor.extract_many("x" * size for size in sizes):
            time.sleep(2.2)
            found.append(len(page.text))
    assert found == sizes


def test_memory_that_other_pages_left_behind_is_not_held_against_a_page():
    with IsolatedExtractor(EXTRACT, max_memory_mb=300) as extractor:
        assert outcomes(extractor, ["hoard 100000000"] * 7) == [("hoard 100000000",)] * 7


def test_real_pages_that_take_too_much_memory():
    page = "<html><body>" + "<p>a</p>" * 300_000
    for max_memory_mb in (20, 50, 100):
        with IsolatedExtractor(max_memory_mb=max_memory_mb) as extractor:
            assert extractor.extract(page).reasons == ("too_much_memory",)
            assert extractor.extract("<p>And on.</p>").text == "And on."


def test_a_parser_that_gives_up_near_the_limit_found_no_empty_page():
    page = "<html><body>" + "<p>a</p>" * 300_000
    for max_memory_mb in (20, 70, 200):
        with IsolatedExtractor("curation.html.extract:main_text", max_memory_mb=max_memory_mb) as extractor:
            assert outcomes(extractor, [page, "<p></p>"]) == [("", "too_much_memory"), ("",)]


def test_what_a_page_prints_goes_nowhere(capfd):
    with IsolatedExtractor(EXTRACT) as extractor:
        assert outcomes(extractor, ["print 1000000", "a"]) == [("print 1000000",), ("a",)]
    assert capfd.readouterr() == ("", "")


def test_the_child_stays_and_another_one_follows_a_crash():
    with IsolatedExtractor(EXTRACT) as extractor:
        one, same, crashed, other = (page.text for page in extractor.extract_many(["pid", "pid", "exit 1", "pid"]))
    assert one == same != other
    assert crashed == ""
    assert not is_running(one) and not is_running(other)


def test_two_at_once():
    pages = [str(i) for i in range(300)]
    with IsolatedExtractor(EXTRACT) as one, IsolatedExtractor(EXTRACT) as other:
        both = zip(one.extract_many(pages), other.extract_many(["exit 1", *pages]), strict=False)
        found = [(a.text, b.text) for a, b in both]
        assert found == list(zip(pages, ["", *pages[:-1]], strict=True))
        assert one.extract("pid") != other.extract("pid")


def test_a_stream_that_was_left_and_one_within_another():
    with IsolatedExtractor(EXTRACT) as extractor:
        left = extractor.extract_many(str(i) for i in range(100))
        assert next(left).text == "0"
        assert extractor.extract("within").text == "within"
        assert next(left).text == "1"
        left.close()
        assert extractor.extract("after").text == "after"


def test_used_again_after_it_was_closed():
    extractor = IsolatedExtractor(EXTRACT)
    assert extractor.extract("a").text == "a"
    extractor.close()
    extractor.close()
    assert extractor.extract("b").text == "b"
    extractor.close()


def test_a_child_is_kept_for_the_next_extractor_with_the_same_settings():
    def pid(keep_seconds, **limits):
        with IsolatedExtractor(EXTRACT, keep_seconds=keep_seconds, **limits) as extractor:
            return extractor.extract("pid").text

    one = pid(600)
    assert is_running(one)
    assert pid(600, max_memory_mb=500) != one
    assert pid(600) == one
    assert pid(1) == one
    wait_until(lambda: not is_running(one))
    assert pid(0) != one  # the one that is kept has ended
    assert pid(0, max_memory_mb=500) != one


def test_a_child_that_is_not_done_is_not_kept():
    with IsolatedExtractor(EXTRACT, keep_seconds=600) as extractor:
        child = extractor.extract("pid").text
        next(extractor.extract_many(["a", "sleep 600"]))
    assert not is_running(child)


def test_few_pages_are_read_ahead():
    read = []

    def pages(html):
        for i in range(1000):
            read.append(i)
            yield i, html

    with IsolatedExtractor(EXTRACT) as extractor:
        for html, most in (("a", 64), ("x" * 100_000, 7), (None, 1)):
            read.clear()
            for i, _ in extractor.extract_each(pages(html)):
                assert len(read) - i <= most


def test_items_without_a_page_keep_their_place():
    items = [(i, None if i % 3 else f"page {i}") for i in range(300)]
    with IsolatedExtractor(EXTRACT) as extractor:
        found = list(extractor.extract_each(items))
    assert found == [(i, None if html is None else given(html)) for i, html in items]


@pytest.mark.parametrize("function", [BROKEN, "hostile_pages:missing", "no_such_module:f"])
def test_a_child_that_does_not_start_is_an_error_that_says_why(function, capfd):
    why = {BROKEN: "nothing works here", "no_such_module:f": "No module named"}.get(function, "missing")
    with IsolatedExtractor(function) as extractor, pytest.raises(CurationError, match=why):
        extractor.extract("a")
    assert capfd.readouterr() == ("", "")


def test_a_python_that_is_not_there(monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with IsolatedExtractor(EXTRACT) as extractor, pytest.raises(CurationError, match="does not start"):
        extractor.extract("a")


@pytest.mark.parametrize("limit", ["max_html_chars", "timeout_seconds", "max_memory_mb"])
def test_a_limit_must_be_positive(limit):
    with pytest.raises(ValueError, match=limit):
        IsolatedExtractor(**{limit: 0})


def test_no_file_of_the_parent_is_open_in_the_child(tmp_path):
    with (tmp_path / "secret").open("w") as file, IsolatedExtractor(EXTRACT) as extractor:
        os.set_inheritable(file.fileno(), True)
        child = extractor.extract("pid").text
        opened = [os.readlink(one) for one in Path(f"/proc/{child}/fd").iterdir()]
    assert not any("secret" in name for name in opened)


@pytest.mark.parametrize("page", ["pid", "sleep 600"])
def test_the_child_ends_when_its_parent_is_killed(page, hostile):
    script = f"""
import sys
sys.path[:0] = [{str(REPOSITORY)!r}, {str(hostile)!r}]
from curation.html.isolation import IsolatedExtractor
extractor = IsolatedExtractor({EXTRACT!r})
print(extractor.extract("pid").text, flush=True)
print(extractor.extract({page!r}).text, flush=True)
sys.stdin.read()
"""
    parent = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with parent:
        child = int(parent.stdout.readline())
        assert is_running(child)
        parent.kill()
    wait_until(lambda: not is_running(child))


def test_an_interrupt_is_not_for_the_child():
    with IsolatedExtractor(EXTRACT) as extractor:
        child = extractor.extract("pid").text
        os.kill(int(child), signal.SIGINT)
        assert extractor.extract("pid").text == child
