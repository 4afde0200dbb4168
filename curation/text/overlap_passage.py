"""Which stretch of a text is the item: from the first to the last matched token, without strays before and after.

Example: ``passage_of([2, 40, 41, 42, 43], 40, 43)`` is ``(40, 43)``: a word that matches 38 words before the rest, as
"the" does nearly everywhere, is no part of the passage.
"""

from __future__ import annotations

from collections.abc import Sequence


def passage_of(places: Sequence[int], first: int, last: int) -> tuple[int, int]:
    """The first and last token of the passage.

    What is matched at an edge is left out if it is farther from the rest than it is long; the shared n-gram is not.

    Args:
        places: the matched tokens, ascending; at least one.
        first: the first token of the shared n-gram.
        last: its last.

    Raises:
        ValueError: if nothing is matched.
    """
    if not places:
        raise ValueError("a passage needs at least one matched token")
    begin = _edge(places, first)
    end = -_edge([-place for place in reversed(places)], -last)
    return min(begin, first), max(end, last)


def _edge(places: Sequence[int], stop: int) -> int:
    edge = 0
    for index in range(1, len(places)):
        if places[index - 1] >= stop:
            break
        if places[index] - places[index - 1] - 1 > index - edge:
            edge = index
    return places[edge]
