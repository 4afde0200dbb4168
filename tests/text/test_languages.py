import pickle
from pathlib import Path

import pytest

from curation.errors import ConfigError
from curation.text.languages import Contractions, InsideRule, Language, WordSplitting, list_languages, load_language
from curation.text.quality import RULES, quality_rules, quality_statistics, split_words

ENTRY = """
name: Test
codes: [xx, xxx_Latn]
words:
  inside: [{marks: "-", left: letter, right: letter}]
stop_words: un deux
"""


def entry(tmp_path, text):
    path = tmp_path / "xx.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_english_and_german_ship():
    assert list_languages() == ["de", "en"]
    assert all(load_language(code).codes[0] == code for code in list_languages())


@pytest.mark.parametrize("code", ["en", "eng", "eng_Latn", "__label__eng_Latn", "__label__en"])
def test_any_code_of_a_detector_names_a_language(code):
    assert load_language(code).name == "English"


@pytest.mark.parametrize("code", ["fr", "fra_Latn", "", "EN", "english"])
def test_a_language_without_entry_is_an_error_and_never_english(code):
    with pytest.raises(ConfigError, match=rf"language '{code}' has no entry .*de, en"):
        load_language(code)


def test_the_published_stop_words():
    assert load_language("en").stop_words.split() == ["the", "be", "to", "of", "and", "that", "have", "with"]


@pytest.mark.parametrize("code", ["en", "de"])
def test_the_shipped_thresholds_are_of_rules_that_there_are(code):
    rules = quality_rules(code)
    assert all(getattr(rules, name) is not None for name in RULES)


def test_fineweb_2_has_other_thresholds_for_german():
    rules = quality_rules("deu_Latn")
    assert (rules.gopher_repetition.dup_line_frac, rules.gopher_repetition.dup_para_frac) == (0.263, None)
    assert (rules.gopher_quality.max_avg_word_length, rules.fineweb.new_line_ratio) == (15, 0.152)
    assert rules.gopher_quality.min_doc_words == 50


def test_an_entry_of_ones_own_is_read_by_its_path(tmp_path):
    language = load_language(entry(tmp_path, ENTRY))
    assert language.name == "Test"
    assert split_words("a-b c-1", language) == ["a", "-", "b", "c-1"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("stopwords: a", "unknown key 'stopwords' .did you mean 'stop_words'"),
        ("words: {inside: [{marks: '-', left: leter, right: digit}]}", "'leter' is no class .* 'letter'"),
        ("words: {inside: [{marks: '', left: letter, right: digit}]}", "must say something"),
        ("words: {inside: [{marks: '-', left: digit, right: digit, least: 3}]}", "repeated 3 to 1 times"),
        ("words: {splitting: spaces}", "'spaces' is not one of 'marks', 'characters'"),
        ("words: {whole: " + "x" * 61 + "}", "longer than 60"),
        ("codes: []", "needs a code"),
        ("codes: en", "expected tuple"),
        ("stop_words: " + " ".join(f"w{n}" for n in range(65)), "65 words; at most 64"),
        ("thresholds: {min_doc_words: many}", r"xx\.yaml: thresholds.min_doc_words: expected bool . int . float"),
        ("words: {apart: 'b||a'}", r"xx\.yaml: words.apart: 'b..a' has a part without characters"),
        ("words: {apart: 'a|b|c|d|e|f|g|h|i'}", r"words.apart: .* has 9 parts; at most 8"),
        (
            'words: {contractions: [{words: it, endings: "|\'s"}]}',
            r"words.contractions.0..endings: .it..'s. has a part",
        ),
        ('words: {inside: [{marks: "\\U00034000", left: digit, right: digit}]}', r"marks: .*U.34000. is not possible"),
        ("words: {inside: [{marks: '-', left: digit, right: digit, most: 99999999999999999999}]}", "at most 60"),
        ('words: {closing: "\\U000E0100"}', r"words.closing: .*U.E0100. is not possible"),
        ('sentence_enders: "\\U0010FFFF"', "sentence_enders: .* is not possible"),
        ("policy_phrases: ['']", "policy_phrases: a phrase without characters"),
        ("name: [", "not valid YAML"),
    ],
)
def test_a_wrong_entry_says_what_is_wrong(tmp_path, wrong, message):
    key = wrong.partition(":")[0]
    lines = {line.partition(":")[0]: line for line in ENTRY.strip().splitlines() if not line.startswith(" ")}
    lines["words"] = "words: {}"
    lines[key] = wrong
    with pytest.raises(ConfigError, match=message):
        load_language(entry(tmp_path, "\n".join(lines.values())))


def test_a_missing_file_is_named():
    with pytest.raises(ConfigError, match=r"no language entry .*none\.yaml"):
        load_language("./none.yaml")


def test_a_threshold_that_there_is_not_is_named(tmp_path):
    path = entry(tmp_path, ENTRY + "thresholds: {min_doc_word: 3}\n")
    with pytest.raises(ConfigError, match=r"xx\.yaml: thresholds: unknown threshold 'min_doc_word' .*'min_doc_words'"):
        quality_rules(path)


def test_contractions_are_all_words_with_all_endings():
    parts = Contractions(words="do i", endings="n't n't|'ve").parts()
    assert ("do", "n't") in parts and ("I", "n't", "'ve") in parts and len(parts) == 8
    assert len(Contractions(words="do i", endings="n't", capital=False).parts()) == 2


def test_a_language_survives_pickling():
    language = pickle.loads(pickle.dumps(load_language("de")))
    assert split_words("z.B. so", language) == ["z.B.", "so"]
    assert language.words == load_language("de").words


def test_the_shipped_entries_are_in_the_package():
    import curation.text

    folder = Path(curation.text.__file__).parent / "languages"
    assert sorted(path.name for path in folder.glob("*.yaml")) == ["de.yaml", "en.yaml"]


def test_rules_of_marks_are_checked():
    with pytest.raises(ValueError, match="'word' is no class"):
        InsideRule(marks="-", left="word", right="letter")


def test_a_word_may_be_cut_into_eight_parts_and_has_room_for_them():
    words = WordSplitting(apart="a|b|c|d|e|f|g|h a.b.c.d|e")
    language = Language(name="X", codes=("x",), words=words, stop_words="")
    assert split_words("abcdefgh a.b.c.de", language) == [*"abcdefgh", "a.b.c.d", "e"]
    assert quality_statistics("abcdefgh" * 50 + " abcdefgh" * 500, language).words == 1 + 8 * 500


def test_eight_neighbours_may_be_one_listed_word():
    inside = (InsideRule(marks="-", left="letter", right="letter"),)
    language = Language(name="X", codes=("x",), words=WordSplitting(whole="a-b-c-d,", inside=inside), stop_words="")
    assert split_words("z-a-b-c-d,", language) == ["z", "-", "a-b-c-d,"]


def test_the_thresholds_of_an_entry_are_numbers_whole_numbers_or_switches(tmp_path):
    given = "{max_doc_words: 5000, min_doc_words: 30.0, min_avg_word_length: 2, lorem_ipsum: false}"
    rules = quality_rules(entry(tmp_path, f"{ENTRY}thresholds: {given}\n"))
    assert (rules.gopher_quality.max_doc_words, rules.gopher_quality.min_doc_words) == (5000, 30)
    assert isinstance(rules.gopher_quality.min_doc_words, int)
    assert (rules.gopher_quality.min_avg_word_length, rules.c4.lorem_ipsum) == (2.0, False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("min_doc_words: 30.5", r"min_doc_words: expected int, got 30\.5"),
        ("min_doc_words: true", "min_doc_words: expected int, got True"),
        ("lorem_ipsum: 1", "lorem_ipsum: expected bool, got 1"),
        ("top_2_gram: .nan", "top_2_gram: nan is below and above nothing"),
        ("min_doc_words: .inf", "min_doc_words: expected int, got inf"),
    ],
)
def test_a_threshold_of_the_wrong_type_names_the_file(tmp_path, given, message):
    path = entry(tmp_path, f"{ENTRY}thresholds: {{{given}}}\n")
    with pytest.raises(ConfigError, match=rf"language {path}: thresholds: {message}"):
        quality_rules(path)


def test_an_edited_entry_is_read_again(tmp_path):
    path = entry(tmp_path, ENTRY)
    first = load_language(path)
    assert load_language(path) is first
    entry(tmp_path, ENTRY.replace("deux", "dewx"))  # as long as before, and maybe in the same tick of the clock
    assert load_language(path).stop_words == "un dewx"
