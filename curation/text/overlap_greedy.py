"""The overlap ratio of cosmopedia's ``decontaminate.py``: difflib's greedy blocks over the characters of the tokens.

Example: ``greedy_ratio(tokenise(item), tokenise(page))``; 1.0 where the page holds the item word for word.

Source: ``diff_strings`` and ``add_match_stats`` there. Blocks of more than five characters count; they are put together
without a sign between them, and the length is divided by that of the item. Being greedy, it is not the longest common
subsequence; and being over the whole page, it takes blocks that have nothing to do with the item's passage.
"""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

_SHORTEST_BLOCK = 6


def greedy_ratio(item: Sequence[str], page: Sequence[str]) -> float:
    """Characters in blocks that ``page`` and ``item`` have in common / characters of the item, 0 to 1.

    Args:
        item: its tokens.
        page: its tokens; time grows with the product of both, about a second for 100,000 characters.
    """
    text, wanted = " ".join(page), " ".join(item)
    blocks = SequenceMatcher(None, text, wanted, autojunk=False).get_matching_blocks()
    found = "".join(text[one.a : one.a + one.size] for one in blocks if one.size >= _SHORTEST_BLOCK)
    return len(" ".join(found.split())) / len(wanted) if wanted else 0.0
