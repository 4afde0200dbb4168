import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from curation.classify.cache import CachedEmbedder, EmbeddingCache, text_digest
from curation.classify.classifier import Classifier
from curation.classify.feeding import AHEAD, Feeder, _chunks
from curation.classify.head import LinearHead
from curation.scale import Scale

TEXTS = ["one text", "", "theorem " * 400, "a lemma and a proof", "x" * 3000]
WINDOWS = [TEXTS[:2], [], TEXTS[2:], TEXTS[:1], TEXTS[:3], TEXTS]


def linear(embedder, width):
    weights = np.random.default_rng(0).normal(size=width).astype(np.float32)
    return Classifier("c", embedder, LinearHead(weights, np.zeros(1, np.float32)), Scale(0, 5))


@pytest.mark.parametrize("processes", [0, 2])
def test_scores_are_those_of_the_classifier(minilm, processes):
    classifier = linear(minilm, 384)
    with Feeder(classifier, processes=processes) as feeder:
        fed = list(feeder.feed(WINDOWS, list))
    assert [window for window, _ in fed] == WINDOWS
    for window, scores in fed:
        assert np.array_equal(scores, classifier.score(window) if window else [])


def test_an_embedder_of_ones_own_takes_texts(toy):
    classifier = linear(toy, 64)
    with Feeder(classifier) as feeder:
        assert [scores.tolist() for _, scores in feeder.feed(WINDOWS[2:], list)] == [
            classifier.score(window).tolist() for window in WINDOWS[2:]
        ]


def test_the_kernel_head_gets_all_it_reads(toy, toy_labels):
    import dataclasses

    from curation.classify.train import fit_classifier

    from test_train import SPEC  # isort: skip

    texts, labels, groups = toy_labels
    spec = dataclasses.replace(SPEC, head="kernel", max_characters=300, folds=2)
    classifier, _ = fit_classifier(texts, labels, spec, groups=groups, embedder=toy)
    with Feeder(classifier) as feeder:
        fed = [scores for _, scores in feeder.feed([texts[:150], texts[150:]], list)]
    assert np.array_equal(np.concatenate(fed), classifier.score(texts))


def test_known_vectors_are_not_computed_and_fresh_ones_remembered(toy):
    classifier = linear(toy, 64)
    known = CachedEmbedder(toy, EmbeddingCache([], toy.identity))
    known.remember([text_digest("one text")], toy.embed(["one text"]))
    toy.embedded.clear()
    with Feeder(classifier, known=known, remember=True) as feeder:
        scores = dict(zip(TEXTS, next(feeder.feed([TEXTS], list))[1], strict=True))
    assert toy.embedded == TEXTS[1:]
    assert scores["one text"] == classifier.score(["one text"])[0]
    assert set(known.fresh) == {text_digest(text) for text in TEXTS}
    with Feeder(classifier, known=known) as feeder:
        next(feeder.feed([["never seen"]], list))
    assert len(known.fresh) == len(TEXTS), "a run that keeps no vectors does not pile them up"


def test_windows_are_taken_ahead_but_not_all(toy):
    taken = []

    def windows():
        for number in range(20):
            taken.append(number)
            yield [f"text {number}"]

    with Feeder(linear(toy, 64)) as feeder:
        fed = feeder.feed(windows(), list)
        next(fed)
        assert len(taken) == AHEAD + 1
        assert len(list(fed)) == 19


def test_what_the_model_says_is_wrong_arrives(toy):
    class Broken:
        def embed(self, texts):
            raise ValueError("no such layer")

    with Feeder(linear(Broken(), 64)) as feeder, pytest.raises(ValueError, match="no such layer"):
        list(feeder.feed([["x"]], list))


def test_the_thread_that_computes_is_prepared(toy):
    prepared = []
    with Feeder(linear(toy, 64), start=lambda: prepared.append(threading.current_thread().name)) as feeder:
        list(feeder.feed([["x"]], list))
    assert len(prepared) == 1 and prepared[0].startswith("score")


@pytest.fixture
def interruptible():
    """As in a terminal; what a shell starts in the background ignores interruptions."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interruption_does_not_wait_for_a_window(minilm, interruptible):
    classifier = linear(minilm, 384)
    texts = [f"{number} " + "theorem " * 400 for number in range(400)]  # ten seconds and more
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt), Feeder(classifier) as feeder:
        feed = feeder.feed([texts] * 3, list)
        threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
        next(feed)
    assert time.monotonic() - started < 6


@pytest.mark.parametrize(
    ("sizes", "chunks"),
    [([], []), ([1] * 70, [(0, 64), (64, 70)]), ([3_000_000, 1, 1], [(0, 1), (1, 3)]), ([1_500_000] * 2, [(0, 2)])],
)
def test_texts_are_sent_in_chunks(sizes, chunks):
    assert list(_chunks(["x" * size for size in sizes])) == chunks


def test_readers_end_with_a_killed_parent(tmp_path):
    """ProcessPoolExecutor leaves its workers behind when their parent is killed."""
    script = tmp_path / "feed.py"
    script.write_text(
        "import os, sys, time\n"
        "sys.path[:0] = sys.argv[1].split(':')\n"
        "import numpy as np\n"
        "from conftest import ToyEmbedder\n"
        "from test_feeding import linear\n"
        "from curation.classify.feeding import Feeder\n"
        "if __name__ == '__main__':\n"
        "    with Feeder(linear(ToyEmbedder(), 64), processes=1) as feeder:\n"
        "        list(feeder.feed([['x']], list))\n"
        "        print(*feeder._readers._processes, flush=True)\n"
        "        time.sleep(60)\n"
    )
    here = os.path.dirname(__file__)
    with subprocess.Popen([sys.executable, str(script), here], stdout=subprocess.PIPE, text=True) as parent:
        reader = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
    for _ in range(100):
        if not os.path.exists(f"/proc/{reader}"):
            break
        time.sleep(0.1)
    assert not os.path.exists(f"/proc/{reader}")
