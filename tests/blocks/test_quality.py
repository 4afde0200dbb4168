import pytest

from curation.blocks.quality import KeepQuality
from curation.errors import ConfigError

from .conftest import Kept, document, write_jsonl

WORDS = (
    "river", "mountain", "garden", "window", "letter", "winter", "summer", "doctor", "teacher", "market", "village",
    "island", "forest", "bridge", "kitchen",
)  # fmt: skip
SHORT = "A text of less than fifty words, whatever they say and however well it is written, can not tell us much."
PROSE = "\n".join(
    f"The {first} and the {second} have to be seen with care, for that is what the {third} of {second}s can do."
    for first, second, third in zip(WORDS, WORDS[5:], WORDS[3:], strict=False)
)
LOOSE = {f"duplicated_{n}_n_grams": None for n in range(5, 11)}


def rows():
    return [
        {"id": "good", "text": f"Home\n\n{PROSE}\nSee our privacy policy please."},
        {"id": "short", "text": SHORT},
        {"id": "bracket", "text": f"{PROSE}\nLet f be a set {{x}} of numbers."},
        {"id": "empty", "text": ""},
        {"id": "list", "text": PROSE.replace(" have to be", "\n\nhave to be")},
    ]


def test_documents_stay_or_go_with_rule_value_and_limit(stage, tmp_path):
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows()[:3])], KeepQuality(thresholds=LOOSE))
    assert [(row["id"], row["text"]) for row in kept] == [("good", PROSE)]
    removed = {row["id"]: row for row in stage.rows()}
    assert [removed["short"][name] for name in ("reason", "rule", "value", "limit")] == [
        "gopher_short_doc", "gopher_quality", 21.0, 50.0,
    ]  # fmt: skip
    assert [removed["bracket"][name] for name in ("reason", "rule", "value", "limit")] == [
        "curly_bracket",
        "c4",
        1.0,
        0.0,
    ]
    assert removed["bracket"]["text"] == rows()[2]["text"]


def test_removed_lines_are_counted_by_kind(stage, tmp_path):
    step = KeepQuality(thresholds=LOOSE)
    stage.run([write_jsonl(tmp_path / "a.jsonl", rows())], step)
    assert dict(step.counts) == {"lines_policy": 1, "lines_too_few_words": 1}


def test_text_can_be_left_as_it_is():
    step = KeepQuality(thresholds=LOOSE, clean_lines=False)
    docs = [document(identifier="good", text=rows()[0]["text"])]
    assert [doc.text for doc in step.run(iter(docs))] == [rows()[0]["text"]]
    assert not step.counts


@pytest.mark.parametrize(
    ("curly", "kept"), [("drop", ["good"]), ("keep", ["good", "bracket"]), ("mark", ["good", "bracket"])]
)
def test_curly_brackets_drop_or_stay_or_are_marked(stage, tmp_path, curly, kept):
    found = stage.run(
        [write_jsonl(tmp_path / "a.jsonl", rows())],
        KeepQuality(thresholds=LOOSE | {"duplicated_5_n_grams": 0.5}, curly_bracket=curly),
    )
    found = [row for row in found if row["id"] != "list"]
    assert [row["id"] for row in found] == kept
    marks = [row.get("has_curly_bracket") for row in found]
    assert marks == ([False, True] if curly == "mark" else [None] * len(found))


def test_reasons_go_to_the_exclusion_writer():
    step = KeepQuality(thresholds=LOOSE)
    step.exclusion_writer = Kept()
    docs = [document(identifier=row["id"], text=row["text"]) for row in rows()]
    assert "good" in [doc.id for doc in step.run(iter(docs))]
    found = {row["id"]: row["filter_reason"] for row in step.exclusion_writer.rows}
    assert (found["short"], found["empty"], found["bracket"]) == ("gopher_short_doc", "gopher_empty", "curly_bracket")


def test_rules_can_be_left_out():
    step = KeepQuality(rules=("gopher_quality",), curly_bracket="mark")
    docs = list(step.run(iter([document(identifier="b", text=rows()[2]["text"])])))
    assert [(doc.text, doc.metadata["has_curly_bracket"]) for doc in docs] == [(rows()[2]["text"], False)]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"language": "fr"}, "language 'fr' has no entry"),
        ({"rules": ("gopher",)}, "no rule set 'gopher'"),
        ({"thresholds": {"line_punkt_thr": 0.1}}, "did you mean 'line_punct_thr'"),
        ({"thresholds": {"min_doc_words": [9]}}, r"min_doc_words: expected a number, true, false or null, got \[9\]"),
        ({"thresholds": {"curly_bracket": False}}, "curly_bracket is a setting of its own"),
        ({"thresholds": {"min_doc_words": True}}, "min_doc_words: expected int, got True"),
        ({"rules": ()}, "no rule set is asked"),
        ({"curly_bracket": "maybe"}, "'maybe' is not one of drop, keep, mark"),
    ],
)
def test_wrong_settings_are_found_before_any_work(settings, message):
    with pytest.raises(ConfigError, match=message):
        KeepQuality(**settings).check()


def test_the_settings_are_the_identity():
    assert KeepQuality().identity() == KeepQuality().identity()
    assert KeepQuality(thresholds={"min_doc_words": 9}).identity() != KeepQuality().identity()
    assert "curly_bracket=mark" in repr(KeepQuality(curly_bracket="mark"))


def test_a_language_of_ones_own_is_an_input(tmp_path, monkeypatch):
    path = tmp_path / "xx.yaml"
    path.write_text("name: X\ncodes: [xx]\nwords: {}\nstop_words: the be\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    step = KeepQuality(language="xx.yaml")
    step.check()
    assert step.inputs() == [str(path)]
    assert KeepQuality().inputs() == []


def test_an_edited_language_is_read_again(tmp_path):
    path = tmp_path / "xx.yaml"
    reasons = []
    for fewest in (30, 10):
        text = f"name: X\ncodes: [xx]\nwords: {{}}\nstop_words: nowhere\nthresholds: {{min_doc_words: {fewest}}}\n"
        path.write_text(text, encoding="utf-8")
        step = KeepQuality(language=str(path), rules=("gopher_quality",))
        step.exclusion_writer = Kept()
        assert not list(step.run(iter([document(identifier="short", text=SHORT)])))
        reasons.append(step.exclusion_writer.rows[0]["filter_reason"])
    assert reasons == ["gopher_short_doc", "gopher_enough_stop_words"]


def test_curly_brackets_are_no_threshold_of_a_language(tmp_path):
    path = tmp_path / "xx.yaml"
    text = "name: X\ncodes: [xx]\nwords: {}\nstop_words: the be\nthresholds: {curly_bracket: false}\n"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=f"language {path}: thresholds: curly_bracket is a setting of its own"):
        KeepQuality(language=str(path)).check()
