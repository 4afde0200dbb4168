import pytest

from curation.blocks.language import DetectLanguage, KeepLanguage
from curation.errors import ConfigError, CurationError

from .conftest import Kept, document, write_jsonl

ENGLISH = "The derivative of a function at a point is the slope of its tangent line there, if there is one."
GERMAN = "Die Ableitung einer Funktion an einer Stelle ist die Steigung ihrer Tangente dort, wenn es eine gibt."


@pytest.fixture
def langid():
    pytest.importorskip("py3langid", reason="the embedded detector is not installed: pip install curation[demo]")
    return DetectLanguage(detector="langid")


def test_detecting_adds_two_columns_and_drops_nothing(langid, stage, tmp_path):
    langid.check()
    rows = [{"id": "en", "text": ENGLISH}, {"id": "de", "text": GERMAN}, {"id": "no", "text": ""}]
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], langid)
    assert [row["id"] for row in kept] == ["en", "de", "no"]
    assert [row["language"] for row in kept][:2] == ["en", "de"]
    assert all(0 <= row["language_score"] <= 1 for row in kept)
    assert kept[0]["language_score"] > 0.65


def test_keeping_a_language_says_why_others_go(langid, stage, tmp_path):
    rows = [{"id": "en", "text": ENGLISH}, {"id": "de", "text": GERMAN}]
    kept = stage.run([write_jsonl(tmp_path / "a.jsonl", rows)], langid, KeepLanguage(language="en", threshold=0.65))
    assert [row["id"] for row in kept] == ["en"]
    assert [(row["id"], row["reason"], row["language"]) for row in stage.rows()] == [("de", "other_language", "de")]


def test_the_threshold_must_be_exceeded():
    step = KeepLanguage(language="en", threshold=0.65)
    step.exclusion_writer = Kept()
    docs = [document(identifier=str(score), language="en", language_score=score) for score in (0.64, 0.65, 0.651)]
    docs.append(document(identifier="none", language=None, language_score=0.0))
    assert [doc.id for doc in step.run(docs)] == ["0.651"]
    reasons = [row["filter_reason"] for row in step.exclusion_writer.rows]
    assert reasons == ["language_unsure", "language_unsure", "other_language"]


def test_documents_that_nobody_looked_at_are_an_error_and_no_silent_drop():
    with pytest.raises(CurationError, match="document 1 has no column language; put DetectLanguage before it"):
        list(KeepLanguage(language="en", threshold=0.65).run([document()]))


@pytest.mark.parametrize("detector", ["langit", "fasttext:/no/such/model.bin", "fasttext", ""])
def test_a_detector_that_cannot_be_had_is_a_config_error(detector):
    with pytest.raises(ConfigError):
        DetectLanguage(detector=detector).check()


def test_a_model_is_known_by_its_place_in_any_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert DetectLanguage(detector="fasttext:lid.bin").detector == f"fasttext:{tmp_path}/lid.bin"
    assert DetectLanguage(detector="fasttext:https://a.org/lid.bin").detector == "fasttext:https://a.org/lid.bin"
