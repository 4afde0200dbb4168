from hypothesis import given
from hypothesis import strategies as st

from curation.text.lcs import common_length, common_subsequence

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


def test_the_documented_example():
    assert common_subsequence("abcd", "xaxcxd") == [1, 3, 5]
    assert common_length("", "abc") == common_length("abc", "") == 0


def test_a_greedy_block_match_would_be_shorter():
    # difflib takes the block "cdef" first and then finds nothing on either side but "ab" or "gh".
    item, text = "abcdefgh", "cdefabgh"
    assert common_length(item, text) == 6
