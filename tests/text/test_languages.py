import pickle
from pathlib import Path

import pytest

from curation.errors import ConfigError
from curation.text.languages import Contractions, InsideRule, list_languages, load_language
from curation.text.quality import RULES, quality_rules, split_words

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
        ("thresholds: {min_doc_words: many}", "expected float"),
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
    with pytest.raises(ConfigError, match=r"xx: thresholds: unknown threshold 'min_doc_word' .*'min_doc_words'"):
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
