"""The longest common subsequence of two token sequences, in one big-integer operation a token.

Example: ``common_subsequence("abcd", "xaxcxd")`` is ``[1, 3, 5]``, the places of ``a``, ``c``, ``d`` in the second.
Unlike difflib's matching blocks, which are greedy, the length is the true maximum.

Method: Crochemore et al. 2001 and Hyyrö 2004, bit-parallel LCS. Bit j of the state is 0 where the subsequence grows at
item token j, so the length is the number of zeros; a token costs O(item length / 64).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence


def common_length(item: Sequence[Hashable], text: Sequence[Hashable]) -> int:
    """The length of the longest common subsequence of ``item`` and ``text``, in tokens."""
    return len(item) - _states(item, text)[-1].bit_count()


def common_subsequence(item: Sequence[Hashable], text: Sequence[Hashable]) -> list[int]:
    """Ascending indices into ``text`` of one longest common subsequence with ``item`` (always the same one)."""
    states = _states(item, text)
    column, row, places = len(item), len(text), []
    while row and column:
        if states[row] >> (column - 1) & 1:  # no growth at this item token
            column -= 1
            continue
        row -= 1
        if states[row] >> (column - 1) & 1:  # the growth came with this text token
            column -= 1
            places.append(row)
    return places[::-1]


def _states(item: Sequence[Hashable], text: Sequence[Hashable]) -> list[int]:
    """The state before the first and after each token of ``text``: ``len(text) + 1`` integers of ``len(item)`` bits."""
    places: dict[Hashable, int] = {}
    for index, token in enumerate(item):
        places[token] = places.get(token, 0) | 1 << index
    full = (1 << len(item)) - 1
    states, state = [full], full
    for token in text:
        matches = places.get(token)
        if matches is not None:
            grown = state & matches
            state = ((state + grown) | (state - grown)) & full
        states.append(state)
    return states
