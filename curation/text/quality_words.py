"""A text as the words that datatrove's quality filters count: those of spaCy's blank tokenizer, split by a kernel.

Example: ``split_words("He didn't (in 1999).", load_language("en"))`` is
``['He', 'did', "n't", '(', 'in', '1999', ')', '.']``.

The order of the rules is that of spaCy's ``Tokenizer``: a run without white space is looked up among what stays whole
or is cut as listed; else marks are cut from both ends, and the rest is looked up again at each cut; what is left is a
web address, or cut at marks within. Last, neighbours that together are listed (``St`` and ``.``) are put
together again. Not done: the rare cuts of two marks at once in German (two backquotes or
apostrophes), and IP addresses with a path.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from curation.text.languages import Language, WordSplitting
from curation.text.quality_characters import (
    BEFORE_STOP,
    CLASSES,
    CLOSES,
    ENDER,
    FIRST_RULE,
    LIMIT,
    MAYBE_INSIDE,
    Flags,
    flags_with,
)
from curation.text.quality_marks import (
    CHARACTERS,
    FIRST,
    LENGTHS,
    LONGEST,
    POSSESSIVE,
    RULES,
    TABLE,
    TABLE_SIZE,
    UNITS,
    UNITS_SIZE,
    Hashes,
    Points,
    hash_of,
)
from curation.text.quality_splitting import split_text

# What stays whole in every language, as in spaCy: initials, names and emoticons.
_WHOLE = r"""
    ' '' \") \t \n <space> C++ :) :-) :)) :-)) :))) :-))) (: (-: =) (= :] :-] [: [-: [= =] :o) (o: :} :-} 8) 8-) (-8
    ;) ;-) (; (-; :( :-( :(( :-(( :((( :-((( ): )-: =( >:( :') :'-) :'( :'-( :/ :-/ =/ =| :| :-| ]= :1 :P :-P :p :-p :O
    :-O :o :-o :0 :-0 :() >:o :* :-* :3 :-3 =3 :> :-> :X :-X :x :-x :D :-D ;D ;-D =D =[ xD XD xDD XDD 8D 8-D ^_^ ^__^
    ^___^ >.< >.> <.< ._. ;_; -_- -__- v.v V.V v_v V_V o_o o_O O_o O_O 0_o o_0 0_0 o.O O.o O.O o.o 0.0 o.0 0.o @_@ <3
    <33 <333 </3 (^_^) (-_-) (._.) (>_<) (*_*) (¬_¬) ಠ_ಠ ಠ︵ಠ (ಠ_ಠ) ¯\(ツ)/¯ (╯°□°）╯︵┻━┻ ><(((*>
    a. b. c. d. e. f. g. h. i. j. k. l. m. n. o. p. q. r. s. t. u. v. w. x. y. z. ä. ö. ü.
"""
# What is cut from a number: units of two to four characters, and currencies of more than one.
_UNITS_AFTER_DIGITS = """
    km km² km³ m² m³ dm dm² dm³ cm cm² cm³ mm mm² mm³ ha µm nm yd in ft kg mg µg lb oz m/s km/h kmh mph hPa Pa mbar mb
    MB kb KB gb GB tb TB км км² км³ м² м³ дм дм² дм³ см см² см³ мм мм² мм³ нм кг мг м/с км/ч кПа Па мбар Кб КБ кб Мб
    МБ мб Гб ГБ гб Тб ТБ US$ C$ A$
"""


def split_words(text: str, language: Language) -> list[str]:
    """The words of a text, in order."""
    how, table = compiled_language(language)
    points = points_of(text)
    starts, ends, cuts = np.empty((3, len(points) + 1), np.int32)
    count = split_text(points, table[np.minimum(points, LIMIT)], how, starts, ends, cuts)
    return [text[start:end] for start, end in zip(starts[:count].tolist(), ends[:count].tolist(), strict=True)]


def points_of(text: str) -> Points:
    """The code points of a text, (n,); lone surrogates are code points like others."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


@lru_cache(maxsize=16)
def compiled_language(language: Language) -> tuple[Hashes, Flags]:
    """A language's rules for the kernel as one array, and its table of characters (LIMIT + 1,)."""
    words = language.words
    marks: dict[str, int] = {}
    for number, rule in enumerate(words.inside):
        for mark in rule.marks:
            marks[mark] = marks.get(mark, 0) | MAYBE_INSIDE | 1 << (FIRST_RULE + number)
    marks[words.closing] = marks.get(words.closing, 0) | CLOSES
    marks["0123456789"] = BEFORE_STOP if words.digit_before_stop else 0
    marks[language.sentence_enders] = marks.get(language.sentence_enders, 0) | ENDER
    return _rules(words), flags_with(marks)


def _rules(words: WordSplitting) -> Hashes:
    rules = np.array(
        [(_classes(rule.left), _classes(rule.right), rule.least, rule.most) for rule in words.inside],
        np.uint64,
    ).ravel()
    special = _special(words)
    table, units = _table(special), _table(dict.fromkeys(_UNITS_AFTER_DIGITS.split(), ()))
    head = np.zeros(FIRST, np.uint64)
    head[CHARACTERS] = words.splitting == "characters"
    head[POSSESSIVE] = words.possessive
    head[LONGEST] = max(map(len, special))
    for word in special:
        head[LENGTHS + (ord(word[0]) & 63)] |= np.uint64(1 << len(word))
    head[RULES] = len(words.inside)
    head[TABLE], head[TABLE_SIZE] = FIRST + len(rules), len(table) // 2
    head[UNITS], head[UNITS_SIZE] = FIRST + len(rules) + len(table), len(units) // 2
    return np.concatenate([head, rules, table, units])


def _special(words: WordSplitting) -> dict[str, tuple[int, ...]]:
    """All that is looked up; an apostrophe may be a typographic one."""
    special = {word: (len(word),) for word in _WHOLE.split()} | words.special()
    special |= {f"°{unit}.": (1, 1, 1) for unit in "cfkCFK"}
    return special | {word.replace("'", "’"): lengths for word, lengths in special.items()}


def _table(words: dict[str, tuple[int, ...]]) -> Hashes:
    """An open hash table: its keys, and behind them the lengths of the parts of each word, a byte each."""
    size = 1 << (4 * len(words)).bit_length()
    table = np.zeros(2 * size, np.uint64)
    for word, lengths in words.items():
        points = points_of(word)
        key = hash_of(points, 0, len(points))
        place = int(key) >> 20 & (size - 1)
        while table[place]:
            place = (place + 1) & (size - 1)
        table[place] = key
        table[size + place] = sum(length << (8 * number) for number, length in enumerate(lengths))
    return table


def _classes(names: str) -> int:
    return sum(CLASSES[name] for name in set(names.split()))
