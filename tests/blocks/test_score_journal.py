import numpy as np
import pytest

from curation.blocks.score import ScoreText
from curation.blocks.score_journal import ScoreJournal
from curation.classify.cache import text_digest
from curation.classify.classifier import Classifier
from curation.classify.head import LinearHead
from curation.folder import Folder
from curation.scale import Scale

from .conftest import ToyEmbedder, document


def test_scores_survive_a_kill_and_are_of_one_classifier(tmp_path):
    folder = Folder(str(tmp_path))
    digests = [text_digest(text) for text in ("a", "b", "c")]
    first = ScoreJournal(folder, "00003", "one classifier")
    assert first.known == {}
    first.add(digests[:2], np.array([0.25, -1.5]))
    first.add([], np.zeros(0))
    again = ScoreJournal(folder, "00003", "one classifier")
    assert again.known == {digests[0]: 0.25, digests[1]: -1.5}
    again.add(digests[2:], np.array([3.0]))
    assert len(ScoreJournal(folder, "00003", "one classifier").known) == 3
    assert ScoreJournal(folder, "00003", "another").known == {}
    assert ScoreJournal(folder, "00004", "one classifier").known == {}
    again.close()
    assert list((tmp_path / "scored").iterdir()) == []


def test_digests_that_end_in_zeros_are_kept(tmp_path):
    folder, digest = Folder(str(tmp_path)), b"\1" * 14 + b"\0\0"
    ScoreJournal(folder, "x", "").add([digest], np.array([1.0]))
    assert ScoreJournal(folder, "x", "").known == {digest: 1.0}


class Killed(Exception):
    """In place of a kill."""


@pytest.fixture
def toy_classifier(monkeypatch):
    """A classifier over counted words that every ScoreText loads, whatever its name."""
    toy = ToyEmbedder()
    toy.asked = []
    embed = toy.embed
    monkeypatch.setattr(toy, "embed", lambda texts: (toy.asked.extend(texts), embed(texts))[1], raising=False)
    width = embed(["x"]).shape[1]
    head = LinearHead(np.linspace(-1, 1, width).astype(np.float32), np.zeros(1, np.float32))
    monkeypatch.setattr("curation.blocks.score.load_scorer", lambda location: Classifier("toy", toy, head, Scale(0, 5)))
    monkeypatch.setattr("curation.blocks.score._WINDOW_ON_CPU", 4)
    return toy


def scored(step, documents, stop_after=None):
    found = {}
    for doc in step.run(iter(documents), rank=7):
        found[doc.id] = doc.metadata["score"]
        if len(found) == stop_after:
            raise Killed
    return found


def test_a_killed_shard_goes_on_where_it_was(toy_classifier, tmp_path):
    texts = [f"text number {number} " + "word " * number for number in range(40)]
    documents = [document(text, str(number)) for number, text in enumerate(texts)]
    undisturbed = scored(ScoreText(classifier="x/y"), documents)
    assert sorted(toy_classifier.asked) == sorted(texts)
    toy_classifier.asked.clear()
    with pytest.raises(Killed):
        scored(ScoreText(classifier="x/y", journal=str(tmp_path)), documents, stop_after=18)
    before = len(toy_classifier.asked)
    assert 16 <= before < 40
    step = ScoreText(classifier="x/y", journal=str(tmp_path))
    assert scored(step, documents) == undisturbed
    assert 16 <= step.counts["scores_taken_over"] <= before
    assert len(toy_classifier.asked) == before + 40 - step.counts["scores_taken_over"]
    assert list((tmp_path / "scored").iterdir()) == [], "the shard's rows hold its scores now"


def test_equal_texts_are_scored_once(toy_classifier):
    documents = [document("same", "a"), document("other", "b"), document("same", "c")]
    found = scored(ScoreText(classifier="x/y"), documents)
    assert toy_classifier.asked == ["same", "other"] and found["a"] == found["c"] != found["b"]


def test_windows_are_bounded_by_characters(toy_classifier, monkeypatch):
    monkeypatch.setattr("curation.blocks.score._WINDOW_CHARACTERS", 1000)
    documents = [
        document("x" * 10_000_000, "large"),
        document("", "empty"),
        document("y" * 999, "c"),
        document("z", "d"),
    ]
    sizes = []
    embed = toy_classifier.embed
    toy_classifier.embed = lambda texts: (sizes.append(len(texts)), embed(texts))[1]
    assert len(scored(ScoreText(classifier="x/y"), documents)) == 4
    assert sizes == [1, 3]


def test_two_tasks_on_one_gpu_are_counted(toy_classifier):
    from curation.classify.device import Device

    step = ScoreText(classifier="x/y")
    step.processes(Device(0, shared=True))
    assert step.counts["tasks_that_shared_a_gpu"] == 1
    assert ScoreText(classifier="x/y").processes(Device(0)) >= 1
    assert ScoreText(classifier="x/y", readers=5).processes(Device(0)) == 5
    assert ScoreText(classifier="x/y").processes(Device(None)) == 0
