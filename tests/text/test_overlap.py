import difflib
import itertools
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.text.overlap import BenchmarkItem, OverlapIndex
from curation.text.overlap_passage import passage_of
from curation.text.words import tokenise

QUESTION = (
    "Janet’s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for her friends "
    "every day with four. She sells the remainder at the farmers' market daily for $2 per fresh duck egg."
)
JANET = BenchmarkItem("gsm8k_test", "gsm8k_test/0", QUESTION)
FILLER = "and in the morning of that day we went to see what she had for the friends of it " * 40


def test_a_copy_is_found_in_a_long_page():
    found = OverlapIndex([JANET]).first_contaminating(f"{FILLER}\n{QUESTION.upper()}\n{FILLER}")
    assert (found.benchmark, found.item_id, found.ratio, found.item_text) == (
        "gsm8k_test",
        "gsm8k_test/0",
        1.0,
        QUESTION,
    )
    assert found.ngram == "janet s ducks lay 16 eggs per day she eats three for breakfast"
    assert found.matched.startswith(found.ngram)
    assert found.matched.endswith("2 per fresh duck egg")


def test_every_item_with_the_shared_ngram_is_compared_not_only_the_last():
    opening = " ".join(f"w{i}" for i in range(15))
    first = BenchmarkItem("b", "1", f"{opening} red fox over lazy dogs by night")
    last = BenchmarkItem("b", "2", f"{opening} " + " ".join(f"z{i}" for i in range(40)))
    index = OverlapIndex([first, last])
    found = index.overlaps(first.text)
    assert [(each.item_id, each.ratio) for each in found] == [("1", 1.0), ("2", 15 / 55)]
    assert index.first_contaminating(first.text).item_id == "1"


def test_equal_ratios_are_ordered_by_name_not_by_order_of_items():
    items = [BenchmarkItem(b, i, QUESTION) for b, i in (("z", "1"), ("a", "2"), ("a", "1"))]
    names = [(found.benchmark, found.item_id) for found in OverlapIndex(items).overlaps(QUESTION)]
    assert names == [("a", "1"), ("a", "2"), ("z", "1")]


def test_a_shared_ngram_below_the_ratio_does_not_contaminate():
    text = "Janet’s ducks lay 16 eggs per day. She eats three for breakfast and nothing more is known"
    index = OverlapIndex([JANET])
    (found,) = index.overlaps(text)
    assert 13 / 41 < found.ratio < 0.6
    assert index.first_contaminating(text) is None
    assert OverlapIndex([JANET], ratio=found.ratio).first_contaminating(text) == found


def test_a_long_page_does_not_reach_the_ratio_by_its_common_words():
    words = QUESTION.split()
    page = " ".join(words[:16]) + " unrelated" * 300 + " " + " ".join(f"{word} filler" for word in words[16:])
    (found,) = OverlapIndex([JANET]).overlaps(page)
    assert found.ratio < 0.6


def test_each_distant_neighbourhood_is_compared_and_the_best_counts():
    words = QUESTION.split()
    page = f"{' '.join(words[:16])} {'nothing ' * 500} {QUESTION} {'nothing ' * 500} {' '.join(words[:16])}"
    (found,) = OverlapIndex([JANET]).overlaps(page)
    assert found.ratio == 1.0


def test_changed_numbers_lower_the_ratio_only_by_the_numbers():
    text = QUESTION.replace("16", "18").replace("$2", "$5")
    (found,) = OverlapIndex([JANET]).overlaps(text)
    assert found.ratio == pytest.approx(35 / 37, abs=0.02)


def test_short_items_are_counted_and_not_matched():
    index = OverlapIndex([BenchmarkItem("m", "1", "What is 2 + 2?"), BenchmarkItem("m", "2", ""), JANET])
    assert index.too_short == {"m": 2}
    assert [item.id for item in index.unchecked] == ["1", "2"]
    assert len(index) == 1
    assert index.overlaps("What is 2 + 2?") == []


@pytest.mark.parametrize("text", ["", "one", FILLER])
def test_clean_texts_and_empty_indices_have_no_overlaps(text):
    assert OverlapIndex([JANET]).overlaps(text) == []
    assert OverlapIndex([]).overlaps(text) == []
    assert OverlapIndex([JANET]).first_contaminating(text) is None


@pytest.mark.parametrize(
    "wrong", [{"ngram": 0}, {"ratio": 0.0}, {"ratio": 1.1}, {"min_item_words": 0}, {"measure": "jaccard"}]
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match=r"ngram|min_item_words"):
        OverlapIndex([], **wrong)


NINE = BenchmarkItem("m", "nine", "What is the remainder of 17 divided by 5?")


def test_an_item_shorter_than_an_ngram_is_found_where_all_of_it_stands():
    index = OverlapIndex([NINE, JANET])
    found = index.first_contaminating(f"{FILLER} what is the\nREMAINDER of 17 divided by 5: {FILLER}")
    assert (found.item_id, found.ratio, found.matched) == ("nine", 1.0, "what is the remainder of 17 divided by 5")
    assert found.passage == "what is the\nREMAINDER of 17 divided by 5" and found.ngram == found.matched
    assert index.first_contaminating(f"{FILLER} what is the remainder of 17 when divided by 5 {FILLER}") is None
    assert OverlapIndex([NINE], min_item_words=10).first_contaminating(NINE.text) is None
    assert OverlapIndex([NINE], min_item_words=9).first_contaminating(NINE.text).ratio == 1.0


@pytest.mark.parametrize(("shared", "contaminates"), [(59, False), (60, True), (61, True)])
def test_the_ratio_itself_contaminates_and_just_below_does_not(shared, contaminates):
    words = [f"w{number}" for number in range(100)]
    page = " ".join(["before"] * 50 + words[20 : 20 + shared] + ["after"] * 50)
    index = OverlapIndex([BenchmarkItem("b", "1", " ".join(words))])
    (found,) = index.overlaps(page)
    assert found.ratio == shared / 100
    assert (index.first_contaminating(page) is not None) is contaminates
    assert bool(index.contaminating(page)) is contaminates


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(" ", "\n> "),
        lambda text: text.upper(),
        lambda text: text.replace("$", " $ ").replace("{", "{ ").replace("=", " = "),
        lambda text: text.replace(" ", " \u00a0\t "),
        lambda text: text.replace("e", "e\u0301"),
        lambda text: text.replace("“", '"').replace("”", "''"),
    ],
)
def test_lines_case_accents_quotes_and_spaces_around_tex_make_no_difference(change):
    text = r"Let “f” be $f(x)=\frac{2}{x^2+x-6}$ for real x; how many vertical asymptotes does its graph have in all?"
    index = OverlapIndex([BenchmarkItem("math", "1", text)])
    page = f"{FILLER} {change(text)} {FILLER}"
    assert index.first_contaminating(page).ratio == 1.0


def test_the_passage_is_in_the_words_of_the_text_and_without_strays():
    copy = f"JANET'S ducks lay 16 eggs  per day.\n{QUESTION[35:]}"
    page = f"She and her friends. {'Nothing here. ' * 4}{copy} The end, {FILLER}"
    found = OverlapIndex([JANET]).first_contaminating(page)
    assert found.passage == page[found.begin : found.end]
    assert found.passage.startswith("JANET'S ducks lay 16 eggs  per day.\n")
    assert found.passage.endswith("$2 per fresh duck egg")


def test_an_edge_that_is_farther_from_the_passage_than_it_is_long_is_left_out():
    assert passage_of([2, 40, 41, 42, 43], 40, 43) == (40, 43)
    assert passage_of([38, 40, 41, 42, 43, 46, 47, 48, 60], 40, 43) == (38, 48)
    assert passage_of([1, 2, 3, 6, 7], 1, 3) == (1, 7)
    assert passage_of([1, 2, 3, 7, 8], 1, 3) == (1, 3)
    with pytest.raises(ValueError, match="at least one"):
        passage_of([], 1, 3)


def test_each_place_of_each_item_is_given_in_the_order_of_the_text():
    items = [JANET, NINE, BenchmarkItem("other", "7", QUESTION)]
    page = f"{NINE.text} {'nothing ' * 200} {QUESTION} {'nothing ' * 200} {QUESTION}"
    found = OverlapIndex(items).contaminating(page)
    assert [one.item_id for one in found] == ["nine", "gsm8k_test/0", "7", "gsm8k_test/0", "7"]
    assert [page[one.begin : one.end] for one in found[1:]] == [QUESTION[:-1]] * 4


def test_the_greedy_measure_is_that_of_the_published_script_over_the_whole_page():
    page = f"{' '.join(QUESTION.split()[:16])} {'nothing ' * 500} sells the remainder at the farmers market daily"
    (local,), (greedy,) = OverlapIndex([JANET]).overlaps(page), OverlapIndex([JANET], measure="greedy").overlaps(page)
    tokens, wanted = " ".join(tokenise(page)), " ".join(tokenise(QUESTION))
    blocks = difflib.SequenceMatcher(None, tokens, wanted, autojunk=False).get_matching_blocks()
    shared = "".join(tokens[one.a : one.a + one.size] for one in blocks if one.size > 5)
    assert greedy.ratio == len(" ".join(shared.split())) / len(wanted) > local.ratio
    assert OverlapIndex([JANET], measure="greedy").first_contaminating(QUESTION).ratio == 1.0


def ngrams(tokens, n):
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


def table_length(left, right):
    row = [0] * (len(right) + 1)
    for item in left:
        row = list(
            itertools.accumulate(
                range(len(right)),
                lambda last, j, row=row, item=item: row[j] + 1 if item == right[j] else max(row[j + 1], last),
                initial=0,
            )
        )
    return row[-1]


def plain_ratio(item, text, n, shortest):
    """The ratio of an item in a text as the definition says, None where it is no candidate; all in plain Python."""
    if len(item) < n:
        found = shortest <= len(item) and any(text[i : i + len(item)] == item for i in range(len(text)))
        return 1.0 if found else None
    wanted = ngrams(item, n)
    places = [i for i in range(len(text) - n + 1) if tuple(text[i : i + n]) in wanted]
    groups = []
    for place in places:
        if groups and place - groups[-1][0] <= len(item):
            groups[-1].append(place)
        else:
            groups.append([place])
    windows = [text[max(0, group[0] - len(item)) : group[-1] + n + len(item)] for group in groups]
    return max((table_length(item, window) / len(item) for window in windows), default=None)


words = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=10)


@given(st.lists(words, max_size=6), st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=60))
def test_items_and_ratios_are_those_of_plain_python(items, text):
    index = OverlapIndex(
        [BenchmarkItem("b", str(i), " ".join(item)) for i, item in enumerate(items)], ngram=4, min_item_words=2
    )
    page = " ".join(text)
    found = {each.item_id: each.ratio for each in index.overlaps(page)}
    plain = {str(i): plain_ratio(item, text, 4, 2) for i, item in enumerate(items)}
    assert found == {name: ratio for name, ratio in plain.items() if ratio is not None}
    assert [item.id for item in index.unchecked] == [str(i) for i, item in enumerate(items) if len(item) < 2]
    above = {name for name, ratio in found.items() if ratio >= 0.6}
    assert {each.item_id for each in index.contaminating(page)} == above
    assert (index.first_contaminating(page) is not None) is bool(above)


@given(st.lists(words, max_size=6), st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=60))
def test_exactly_the_items_that_share_an_ngram_are_found(items, text):
    index = OverlapIndex([BenchmarkItem("b", str(i), " ".join(item)) for i, item in enumerate(items)], ngram=3)
    page = " ".join(text)
    found = index.overlaps(page)
    assert {each.item_id for each in found} == {
        str(i) for i, item in enumerate(items) if ngrams(item, 3) & ngrams(text, 3)
    }
    for each in found:
        assert 3 / len(each.item_text.split()) <= each.ratio <= 1
        rest = iter(text)
        assert all(word in rest for word in each.matched.split())
        assert len(each.matched.split()) / len(each.item_text.split()) == each.ratio
        assert each.passage == page[each.begin : each.end] and each.ngram in each.passage


def test_the_result_does_not_depend_on_the_hash_seed():
    code = (
        "from curation.text.overlap import *\n"
        f"items = [BenchmarkItem('b', str(i), {QUESTION!r} + ' more' * i) for i in range(9)]\n"
        f"print(OverlapIndex(items).overlaps({QUESTION!r}))"
    )
    root = Path(__file__).resolve().parents[2]
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, cwd=root, capture_output=True, check=True
        ).stdout
        for seed in ("0", "1")
    }
    assert len(outputs) == 1


def test_real_items_are_found_in_real_pages_and_clean_pages_stay(web_texts, gsm8k):
    index = OverlapIndex([BenchmarkItem(row["benchmark"], row["id"], row["question"]) for row in gsm8k])
    for row, page in zip(gsm8k[:60], web_texts, strict=False):
        found = index.first_contaminating(f"{page}\n\n{row['question']}\n\n{page}")
        assert found.item_id == row["id"]
        assert found.ratio == 1.0
    assert not any(index.first_contaminating(page) for page in web_texts[:500])
