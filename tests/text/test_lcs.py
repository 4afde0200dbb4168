import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from curation.text.lcs import common_length, common_number, common_subsequence, tight_subsequence

letters = st.lists(st.sampled_from("abcd"), max_size=80)


def table_length(left, right):
    row = [0] * (len(right) + 1)
    for item in left:
        previous = row
        row = [0]
        for j, other in enumerate(right):
            row.append(previous[j] + 1 if item == other else max(previous[j + 1], row[j]))
    return row[-1]


@given(letters, letters)
def test_the_length_is_that_of_dynamic_programming_and_the_places_are_a_common_subsequence(item, text):
    places = common_subsequence(item, text)
    assert common_length(item, text) == table_length(item, text) == len(places)
    assert places == sorted(set(places))
    rest = iter(item)
    assert all(text[place] in rest for place in places)


numbers = st.lists(st.integers(0, 5) | st.integers(-1, 900), max_size=300)


@given(numbers.map(lambda item: [abs(number) for number in item]), numbers)
def test_the_compiled_length_is_the_same(item, text):
    slots = np.full(901, -1, np.int32)
    length = common_number(np.array(item, np.int32), np.array(text, np.int32), slots)
    assert length == common_length(item, text)
    assert (slots == -1).all()


def test_the_documented_example():
    assert common_subsequence("abcd", "xaxcxd") == [1, 3, 5]
    assert common_length("", "abc") == common_length("abc", "") == 0


def test_a_greedy_block_match_would_be_shorter():
    # difflib takes the block "cdef" first and then finds nothing on either side but "ab" or "gh".
    item, text = "abcdefgh", "cdefabgh"
    assert common_length(item, text) == 6


@given(letters, letters)
def test_a_tight_subsequence_is_as_long_and_ends_first(item, text):
    places = tight_subsequence(item, text)
    assert len(places) == common_length(item, text)
    rest = iter(item)
    assert all(text[place] in rest for place in places)
    if places:
        assert common_length(item, text[: places[-1]]) < len(places)
        assert common_length(item, text[places[0] + 1 : places[-1] + 1]) < len(places)


def test_a_word_that_stands_far_before_the_rest_gives_way_to_a_nearer_one():
    assert common_subsequence("abc", "axxxxabc")[0] == 0
    assert tight_subsequence("abc", "axxxxabcxxc") == [5, 6, 7]
    assert tight_subsequence("abc", "") == tight_subsequence("", "abc") == []
