from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curation.errors import ConfigError
from curation.text.languages import load_language
from curation.text.quality import C4, RULES, FineWeb, GopherQuality, GopherRepetition, quality_rules
from curation.text.quality_statistics import Statistics

ENGLISH = load_language("en")
GOOD = Statistics(*[0.0] * len(Statistics._fields))._replace(
    characters=3000, words=600, text_words=550, mean_word_length=4.5, alpha_words=0.9, stop_words=7, lines=20,
    line_punct_ratio=0.9, newlines=40, sentences=30,
)  # fmt: skip
SENTENCE = (
    "The committee will have to meet with all of the members and agree that this is the best of what can be done."
)
SHORT = "A text of less than fifty words, whatever they say and however well it is written, can not tell us much."
PROSE = "\n".join(f"{SENTENCE} Number {word} is another." for word in ["one", "two", "three", "four", "five", "six"])


@pytest.mark.parametrize(
    ("rule", "statistic", "value", "reason", "limit"),
    [
        (GopherRepetition(), "characters", 0, "gopher_empty", 1),
        (GopherRepetition(), "dup_para_frac", 0.31, "gopher_dup_para_frac", 0.3),
        (GopherRepetition(), "dup_para_char_frac", 0.21, "gopher_dup_para_char_frac", 0.2),
        (GopherRepetition(), "dup_line_frac", 0.31, "gopher_dup_line_frac", 0.3),
        (GopherRepetition(), "dup_line_char_frac", 0.21, "gopher_dup_line_char_frac", 0.2),
        (GopherRepetition(), "top_2_gram", 0.21, "gopher_top_2_gram", 0.2),
        (GopherRepetition(), "top_3_gram", 0.19, "gopher_top_3_gram", 0.18),
        (GopherRepetition(), "top_4_gram", 0.17, "gopher_top_4_gram", 0.16),
        *(
            (GopherRepetition(), f"duplicated_{n}_n_grams", limit + 0.01, f"gopher_duplicated_{n}_n_grams", limit)
            for n, limit in zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.1), strict=True)
        ),
        (GopherQuality(), "text_words", 49, "gopher_short_doc", 50),
        (GopherQuality(), "text_words", 100_001, "gopher_long_doc", 100_000),
        (GopherQuality(), "mean_word_length", 2.9, "gopher_below_avg_threshold", 3),
        (GopherQuality(), "mean_word_length", 10.1, "gopher_above_avg_threshold", 10),
        (GopherQuality(), "hashes_per_word", 0.11, "gopher_too_many_hashes", 0.1),
        (GopherQuality(), "ellipses_per_word", 0.11, "gopher_too_many_ellipsis", 0.1),
        (GopherQuality(), "bullet_lines", 0.91, "gopher_too_many_bullets", 0.9),
        (GopherQuality(), "ellipsis_lines", 0.31, "gopher_too_many_end_ellipsis", 0.3),
        (GopherQuality(), "alpha_words", 0.79, "gopher_below_alpha_threshold", 0.8),
        (GopherQuality(), "stop_words", 1, "gopher_enough_stop_words", 2),
        (FineWeb(), "lines", 0, "fineweb_empty", 1),
        (FineWeb(), "line_punct_ratio", 0.11, "line_punct_ratio", 0.12),
        (FineWeb(), "short_line_ratio", 0.68, "short_line_ratio", 0.67),
        (FineWeb(), "char_dup_ratio", 0.011, "char_dup_ratio", 0.01),
        (FineWeb(), "newlines", 181, "list_ratio", 0.3),
    ],
)
def test_every_rule_has_the_published_threshold_and_is_strict(rule, statistic, value, reason, limit):
    assert rule.failure(GOOD) is None
    failure = rule.failure(GOOD._replace(**{statistic: value}))
    assert (failure.rule, failure.reason, failure.limit) == (rule.name, reason, limit)
    at_the_limit = limit if statistic != "newlines" else limit * GOOD.words
    assert rule.failure(GOOD._replace(**{statistic: at_the_limit})) is None


def test_every_reason_is_of_one_rule():
    reasons = [check.reason for rule in (GopherRepetition, GopherQuality, FineWeb) for check in rule.checks]
    reasons += ["lorem_ipsum", "curly_bracket", "too_few_sentences"]
    assert len(reasons) == len(set(reasons))


def test_a_threshold_of_none_is_no_check():
    assert GopherQuality(min_doc_words=None).failure(GOOD._replace(text_words=1)) is None
    assert quality_rules("en", thresholds={"min_doc_words": None}).gopher_quality.min_doc_words is None


def test_prose_stays_as_it_is():
    verdict = quality_rules("en", thresholds={"duplicated_5_n_grams": None, **repeated_prose()}).judge(PROSE)
    assert (verdict.text, verdict.reason, verdict.removed) == (PROSE, None, {})


def repeated_prose():
    """Thresholds that let the repeated sentence pass."""
    return {f"duplicated_{n}_n_grams": None for n in range(5, 11)} | {"top_4_gram": None, "top_3_gram": None}


def test_a_dropped_text_shows_the_value_beside_the_threshold():
    verdict = quality_rules("en").judge(SHORT)
    assert (verdict.rule, verdict.reason, verdict.value, verdict.limit) == (
        "gopher_quality",
        "gopher_short_doc",
        21,
        50,
    )
    verdict = quality_rules("en").judge(f"{SENTENCE} " * 20)
    assert (verdict.rule, verdict.reason, verdict.limit) == ("gopher_repetition", "gopher_top_4_gram", 0.16)
    assert 0.16 < verdict.value < 0.3


def clean(text, **settings):
    return C4(**{"min_num_sentences": None} | settings).clean(text, ENGLISH)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("Two words", "too_few_words"),
        ("Please enable JavaScript in here", "javascript"),
        ("See our Privacy Policy for more.", "policy"),
        ("a word of " + "x" * 1001, "too_long_word"),
    ],
)
def test_lines_that_are_no_prose_are_removed_and_counted_by_kind(line, kind):
    cleaned = clean(f"One two three.\n\n  {line}\nFour five six.  ")
    assert (cleaned.text, cleaned.removed) == ("One two three.\nFour five six.", {kind: 1})
    assert cleaned.removed_characters == len(line)


def test_what_c4_is_not_asked_for_it_does_not_do():
    line = "Please enable JavaScript { in here for our privacy policy of lorem ipsum[1]"
    loose = dict.fromkeys(("lorem_ipsum", "javascript", "curly_bracket", "policy", "remove_citations"), False)
    assert clean(line, **loose).text == line
    assert clean("x", min_words_per_line=None, max_word_length=None).text == "x"


def test_terminal_punctuation_is_asked_for_on_request():
    text = "One two three.\nOne two three\nOne two three...\nOne “two” three”"
    assert clean(text).text == text
    cleaned = clean(text, terminal_punct=True)
    assert (cleaned.text, cleaned.removed) == ("One two three.", {"no_terminal_punct": 3})
    assert C4(terminal_punct=True, min_num_sentences=None).clean(text, load_language("de")).text.count("\n") == 1


def test_citations_are_cut_from_lines():
    cleaned = clean("As was shown[1] by some.[citation needed]\n[edit] [2] [3]")
    assert cleaned.text == "As was shown by some."
    assert cleaned.citations


@pytest.mark.parametrize(
    ("line", "reason", "removed"),
    [
        ("See our privacy[1] policy for more.", None, {"policy": 1}),
        ("Please enable java[12]script in here", None, {"javascript": 1}),
        ("Then lorem[edit] ipsum follows.", "lorem_ipsum", {}),
    ],
)
def test_what_lines_are_looked_through_for_may_hold_citations(line, reason, removed):
    cleaned = clean(f"One two three.\n{line}")
    assert (cleaned.failure and cleaned.failure.reason, cleaned.removed) == (reason, removed)
    assert clean(line, remove_citations=False).text == line


@pytest.mark.parametrize(
    ("text", "reason"), [("a b {c}\na lorem ipsum", "curly_bracket"), ("a lorem ipsum {", "lorem_ipsum")]
)
def test_the_first_reason_on_the_way_through_the_lines_drops(text, reason):
    assert clean(text).failure.reason == reason
    assert clean(text).failure.limit == 0


def test_a_bracket_in_a_line_that_goes_anyway_drops_nothing():
    cleaned = clean("function() {\nJavaScript is { here now\nOne two three.")
    assert (cleaned.failure, cleaned.curly_bracket) == (None, False)
    assert clean("f = { x }", curly_bracket=False).curly_bracket


def test_too_few_sentences_are_counted_over_the_lines_that_stay():
    failure = C4().clean("One two three. Four five.\nSix seven eight.\nNine", ENGLISH).failure
    assert (failure.reason, failure.value, failure.limit) == ("too_few_sentences", 3, 5)
    assert C4().clean("One is. Two is. Three is. Four is. Five is.", ENGLISH).failure is None


def test_policies_are_those_of_the_language():
    line = "Hier steht unsere Datenschutzerklärung für alle."
    assert clean(line).text == line
    assert C4(min_num_sentences=None).clean(line, load_language("de")).removed == {"policy": 1}


def test_rule_sets_can_be_left_out():
    rules = quality_rules("en", ("fineweb", "gopher_quality"))
    assert (rules.gopher_repetition, rules.c4) == (None, None)
    assert quality_rules("en", ("c4",)).judge("{ lorem ipsum").reason == "lorem_ipsum"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rules": ("gopher_qualty",)}, "no rule set 'gopher_qualty' .did you mean 'gopher_quality'"),
        ({"thresholds": {"min_doc_word": 1}}, "unknown threshold 'min_doc_word' .did you mean 'min_doc_words'"),
        ({"thresholds": {"min_doc_words": "many"}}, "min_doc_words: expected int, got 'many'"),
        ({"rules": ("c4",), "thresholds": {"min_doc_words": 1}}, "of the rule set gopher_quality, which is left out"),
        ({"rules": ()}, "no rule set is asked, so nothing would be dropped; there are gopher_repetition, "),
        ({"thresholds": {"top_2_gram": float("nan")}}, "^thresholds: top_2_gram: nan is below and above nothing"),
        ({"language": "fr"}, "language 'fr' has no entry"),
    ],
)
def test_wrong_settings_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        quality_rules(**{"language": "en"} | arguments)


@given(
    st.lists(st.sampled_from(["One two three. ", "Four five\n", "a-b-c\n", "x\n", "[1]", "{", "  ", "\n\n"])).map(
        "".join
    )
)
def test_fineweb_counts_no_words_twice_but_decides_the_same(text):
    """The shortcut by the fewest words that there can be is exact."""
    rules = quality_rules("en", thresholds={"min_doc_words": None, "min_num_sentences": None, **repeated_prose()})
    verdict = rules.judge(text)
    if verdict.reason is None or verdict.rule == "fineweb":
        left = rules.c4.clean(text, ENGLISH).text
        alone = quality_rules("en", ("fineweb",)).judge(left)
        assert (alone.reason, alone.value) == (verdict.reason, verdict.value)


@cache
def datatrove_filters():
    pytest.importorskip("spacy", reason="datatrove's filters need spaCy: pip install spacy")
    from datatrove.pipeline import filters

    return {
        "gopher_repetition": filters.GopherRepetitionFilter(),
        "gopher_quality": filters.GopherQualityFilter(),
        "c4": filters.C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": filters.FineWebQualityFilter(),
    }


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_set_decides_real_texts_as_datatrove_does(rule, web_texts):
    from datatrove.data import Document

    ours, prefix = quality_rules("en", (rule,)), "gopher_" if rule == "gopher_repetition" else ""
    texts, reasons = [*web_texts[::34], *(f"{text[:500]}\n\n" * 4 for text in web_texts[:3])], set()
    for text in texts:
        doc = Document(text=text, id="0")
        found = datatrove_filters()[rule].filter(doc)
        verdict = ours.judge(text)
        assert (verdict.reason, verdict.text) == (None if found is True else prefix + found[1], doc.text)
        reasons.add(verdict.reason)
    assert len(texts) >= 147
    assert len(reasons) > 1


PIECES = (
    "[1]", "[]", "[edit]", "[citation needed]", "[", "]", "{", "lorem", "Ipsum", "privacy", "policy", "java", "Script",
    "use ", "cookies", " ", " ", "\n", "One is. ", "Two are. ",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=24).map("".join))
@example("privacy[1] policy of us\n" + "One is. Two are. " * 3)
@example("java[1]script in here\n" + "One is. Two are. " * 3)
@example("lorem[edit] ipsum of it\n" + "One is. Two are. " * 3)
def test_c4_looks_through_lines_with_citations_as_datatrove_does(text):
    from datatrove.data import Document

    doc = Document(text=text, id="0")
    found = datatrove_filters()["c4"].filter(doc)
    verdict = quality_rules("en", ("c4",)).judge(text)
    assert (verdict.reason, verdict.text) == (None if found is True else found[1], doc.text)
