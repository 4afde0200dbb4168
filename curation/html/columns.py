"""The columns in which kernels keep what they know: of a block, of an open element, of where the outline stands.

Example: ``rows[i, WORDS]`` is the number of words of block ``i``.
"""

from __future__ import annotations

# Of a block.
(
    FIRST,  # where its text begins and ends in the texts of all blocks, bytes
    LAST,
    TAG,  # the innermost open element
    LEVEL,  # of a heading, 1 to 6; 0 for none
    WORDS,
    CHARS,
    LINK_CHARS,  # those inside links
    LINKS,
    ENDERS,  # full stops, exclamation and question marks
    COMMAS,
    CAPITALS,  # words that begin with a capital letter
    DIGITS,
    SHORT,  # words of up to three letters
    DEPTH,  # open elements
    ELEMENT,  # the innermost open block-level element
    LIST,  # open lists
    ORDINAL,  # NO_ITEM where no list item begins here, BULLET for an item without number, else the number
    QUOTE,  # open block quotations
    TABLE,  # the number of the innermost table, 0 outside
    CELLS,  # cell borders inside the block: the cells of a row less one
    FORMULAS,
    TEX,  # signs of TeX delimiters: four for ``\(``, ``\[`` and ``\be``, one for a dollar
    BREAKS,  # line breaks
    TOKEN,  # at which it begins
    IMAGES,
    FIELDS,  # of a form
    SIGNATURE,  # a number for the path of tags and classes above it
) = range(27)
COLUMNS = 27
NO_ITEM, BULLET = -1, 0

# Of an open element: its tag, its number, the number of the block-level element around its text, and what holds inside
# it. COUNT numbers the items of a list, ITEM is the ORDINAL that an item's first block takes.
(
    S_TAG,
    S_ELEMENT,
    S_BLOCK,
    S_LEVEL,
    S_LIST,
    S_QUOTE,
    S_TABLE,
    S_DROP,
    S_COUNT,
    S_ITEM,
    S_PATH,
) = range(11)
STACK_COLUMNS = 11

# Of the outline on its way.
(
    AT,  # the next byte of the texts
    BLOCK_AT,  # where the text of the block begins
    COUNT,  # finished blocks
    OPEN,  # open elements
    ELEMENTS,  # all elements so far
    TABLES,
    BEGUN,  # whether the block has text
    SPACE,  # white space was seen and not yet written
    IN_LINK,
    LINK_LEFT_OUT,
    CODE,  # 0 no inline code, 1 some begins with the next text, 2 some is open
    SCRIPT,  # the sign before a raised or lowered text that is to come
    BRACE,  # whether its closing brace is owed
    CUT,  # whether elements were nested too deep
    MATHEMATICS,  # whether the page has formulas
    ROW_CELLS,  # cells of the table's row so far
    ROW_COUNT,  # COUNT where the row began
) = range(17)
STATES = 17
