import pytest

from curation.blocks import language
from curation.blocks.language import DetectLanguage, KeepLanguage
from curation.blocks.step import identity_of
from curation.errors import ConfigError, CurationError
from curation.text.language import Detected

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


class Scripted:
    """A detector that remembers how many texts it was given at a time."""

    name, names_scripts = "scripted", True

    def __init__(self):
        self.windows = []

    def detect_batch(self, texts):
        self.windows.append(len(texts))
        return [Detected("en", 0.9, "Latn") if text.isascii() else Detected("zh", 0.8, "Hani") for text in texts]


def test_documents_are_read_in_windows_and_given_in_order(monkeypatch):
    detector = Scripted()
    monkeypatch.setattr(language, "_detector", lambda spec: detector)
    docs = [document(text="a" if n % 3 else "文", identifier=str(n)) for n in range(600)]
    found = list(DetectLanguage(detector="fasttext:glotlid.bin").run(docs))
    assert detector.windows == [256, 256, 88]
    assert [doc.id for doc in found] == [str(n) for n in range(600)]
    assert [doc.metadata for doc in found[:2]] == [
        {"language": "zh", "language_score": 0.8},
        {"language": "en", "language_score": 0.9},
    ]


def test_scripts_are_a_column_where_they_are_wanted(monkeypatch, stage, tmp_path):
    monkeypatch.setattr(language, "_detector", lambda spec: Scripted())
    step = DetectLanguage(detector="fasttext:glotlid.bin", script=True)
    step.check()
    (row,) = stage.run([write_jsonl(tmp_path / "a.jsonl", [{"id": "1", "text": "文"}])], step)
    assert (row["language"], row["language_script"]) == ("zh", "Hani")
    assert "language_script" not in DetectLanguage(detector="langid").adds
    assert "script" in identity_of(step) and "script" not in identity_of(DetectLanguage(detector="langid"))


def test_a_detector_without_scripts_is_a_config_error_where_they_are_wanted(langid):
    with pytest.raises(ConfigError, match="langid names no scripts; GlotLID does"):
        DetectLanguage(detector="langid", script=True).check()


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
