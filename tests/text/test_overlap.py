import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.text.overlap import BenchmarkItem, OverlapIndex

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
    assert len(index) == 1
    assert index.overlaps("What is 2 + 2?") == []


@pytest.mark.parametrize("text", ["", "one", FILLER])
def test_clean_texts_and_empty_indices_have_no_overlaps(text):
    assert OverlapIndex([JANET]).overlaps(text) == []
    assert OverlapIndex([]).overlaps(text) == []
    assert OverlapIndex([JANET]).first_contaminating(text) is None


@pytest.mark.parametrize("wrong", [{"ngram": 0}, {"ratio": 0.0}, {"ratio": 1.1}])
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(ValueError, match="ngram"):
        OverlapIndex([], **wrong)


def ngrams(tokens, n):
    return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}


words = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=3, max_size=10)


@given(st.lists(words, max_size=6), st.lists(st.sampled_from(["a", "b", "c", "d", "e"]), max_size=60))
def test_exactly_the_items_that_share_an_ngram_are_found(items, text):
    index = OverlapIndex([BenchmarkItem("b", str(i), " ".join(item)) for i, item in enumerate(items)], ngram=3)
    found = index.overlaps(" ".join(text))
    assert {each.item_id for each in found} == {
        str(i) for i, item in enumerate(items) if ngrams(item, 3) & ngrams(text, 3)
    }
    for each in found:
        assert 3 / len(each.item_text.split()) <= each.ratio <= 1
        rest = iter(text)
        assert all(word in rest for word in each.matched.split())


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
