"""The longest common subsequence of two token sequences, in one big-integer operation a token.

Example: ``common_subsequence("abcd", "xaxcxd")`` is ``[1, 3, 5]``, the places of ``a``, ``c``, ``d`` in the second.
Unlike difflib's matching blocks, which are greedy, the length is the true maximum.

Method: Crochemore et al. 2001 and Hyyrö 2004, bit-parallel LCS. Bit j of the state is 0 where the subsequence grows at
item token j, so the length is the number of zeros; a token costs O(item length / 64). `common_number` is compiled.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from curation.compiled import kernel

Numbers = NDArray[np.int32]
_FULL, _ONE = np.uint64(0xFFFFFFFFFFFFFFFF), np.uint64(1)


def common_length(item: Sequence[Hashable], text: Sequence[Hashable]) -> int:
    """The length of the longest common subsequence of ``item`` and ``text``, in tokens."""
    return len(item) - _states(item, text)[-1].bit_count()


def common_number(item: Numbers, text: Numbers, slots: Numbers) -> int:
    """`common_length` of tokens that are numbers, (n,) and (m,).

    Args:
        item: numbers from 0 on.
        text: numbers; negative ones are tokens that no item has.
        slots: room to work in, -1 for every number that there is; left as it was.
    """
    return int(_common_number(item, text, slots))


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


def tight_subsequence(item: Sequence[Hashable], text: Sequence[Hashable]) -> list[int]:
    """As `common_subsequence`, in a short stretch of ``text``: it ends as early, and then begins as late, as can be."""
    end = _reached(item, text)
    begin = end - _reached(item[::-1], text[:end][::-1])
    return [begin + place for place in common_subsequence(item, text[begin:end])]


def _reached(item: Sequence[Hashable], text: Sequence[Hashable]) -> int:
    """After how many tokens of ``text`` the subsequence has its full length."""
    states = _states(item, text)
    fewest = states[-1].bit_count()
    return next(row for row, state in enumerate(states) if state.bit_count() == fewest)


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


@kernel
def _common_number(item: Numbers, text: Numbers, slots: Numbers) -> int:
    width = (len(item) + 63) >> 6
    matches = np.zeros((len(item), width), np.uint64)
    distinct = 0
    for j in range(len(item)):
        if slots[item[j]] < 0:
            slots[item[j]] = distinct
            distinct += 1
        matches[slots[item[j]], j >> 6] |= _ONE << np.uint64(j & 63)
    state = np.full(width, _FULL, np.uint64)
    for i in range(len(text)):
        slot = slots[text[i]] if text[i] >= 0 else -1
        if slot >= 0:
            carry = np.uint64(0)
            for k in range(width):
                grown = state[k] & matches[slot, k]
                total = state[k] + grown
                over = total < state[k]
                total += carry
                carry = _ONE if over or total < carry else np.uint64(0)
                state[k] = total | (state[k] - grown)
    for j in range(len(item)):
        slots[item[j]] = -1
    length = 0
    for j in range(len(item)):
        if not (state[j >> 6] >> np.uint64(j & 63)) & _ONE:
            length += 1
    return length
