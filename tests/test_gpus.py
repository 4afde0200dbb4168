import os

import pytest

from curation.gpus import claim_one


@pytest.fixture
def two_gpus(tmp_path, monkeypatch):
    """A machine with two GPUs, as far as nvidia-smi tells; locks of this test's own."""
    (tmp_path / "nvidia-smi").write_text(f"#!/bin/sh\necho '0, GPU-{tmp_path.name}a'; echo '1, GPU-{tmp_path.name}b'\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr("curation.locks.own_folder", lambda: tmp_path)
    return tmp_path.name


def test_tasks_take_a_gpu_each_and_share_when_there_are_no_more(two_gpus):
    first, second = claim_one({}), claim_one({})
    assert [(position, shared) for _, position, shared in (first, second)] == [(0, False), (1, False)]
    _, position, shared = claim_one({})
    assert shared and position in (0, 1)
    first[0].close()
    again = claim_one({})
    assert again[1:] == (0, False)
    for claim, *_ in (second, again):
        claim.close()


def test_the_position_is_that_among_the_visible_ones(two_gpus):
    claim, position, shared = claim_one({"CUDA_VISIBLE_DEVICES": "1"})
    assert (claim.visible, position, shared) == ("1", 0, False)
    other, position, shared = claim_one({"CUDA_VISIBLE_DEVICES": f"GPU-{two_gpus}a,GPU-{two_gpus}b"})
    assert (other.visible, position, shared) == (f"GPU-{two_gpus}a", 0, False), "by number or by name it is one GPU"
    claim.close()
    other.close()


def test_without_a_gpu_nothing_is_claimed(two_gpus):
    claim, position, shared = claim_one({"CUDA_VISIBLE_DEVICES": ""})
    assert (claim.visible, claim.locks, position, shared) == (None, (), 0, False)
