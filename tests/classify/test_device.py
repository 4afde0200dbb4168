from types import SimpleNamespace

import pytest

from curation.classify import device
from curation.gpus import Claim


class FakeCuda:
    def __init__(self, available):
        self.chosen = []
        self.cuda = SimpleNamespace(is_available=lambda: available, set_device=self.chosen.append)


def test_without_a_gpu_it_is_the_cpu(monkeypatch):
    torch = FakeCuda(False)
    monkeypatch.setattr(device, "import_torch", lambda: torch)
    with device.own_device() as own:
        own.use()
        assert (own.name, own.shared) == ("cpu", False)
    assert torch.chosen == []


@pytest.mark.parametrize("shared", [False, True])
def test_a_task_has_one_gpu_until_it_ends(monkeypatch, shared):
    torch, claims, closed = FakeCuda(True), [], []

    def claim_one(environment):
        claims.append(environment)
        return Claim("2"), 2, shared

    monkeypatch.setattr(device, "import_torch", lambda: torch)
    monkeypatch.setattr(device, "claim_one", claim_one)
    monkeypatch.setattr(Claim, "close", lambda self: closed.append(self.visible))
    with device.own_device() as own:
        with device.own_device() as again:
            assert again is own, "a stage with two classifiers is one task"
        assert (own.name, own.shared, len(claims), closed) == ("cuda:2", shared, 1, [])
        own.use()
        assert torch.chosen == [2]
    assert closed == ["2"]
    with device.own_device():
        assert len(claims) == 2
