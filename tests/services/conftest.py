"""A real vLLM on a CPU, with a tiny random model: `make test-services` installs it and names its interpreter."""

import os
import tempfile

import pytest
from services.real_vllm import START_SECONDS, Server
from services.tiny_model import CONTEXT, build


@pytest.fixture(scope="session")
def options():
    """Judge options of ``vllm:``."""
    python = os.environ.get("CURATION_VLLM_PYTHON")
    if not python:
        pytest.skip("CURATION_VLLM_PYTHON names no interpreter that has vLLM")
    return {
        "python": python,
        # Sampling and log-probabilities are compiled at their first use, for a minute, although the model is not.
        "env": {"VLLM_CPU_KVCACHE_SPACE": 1, "HF_HUB_OFFLINE": 1, "OMP_NUM_THREADS": 2, "TORCH_COMPILE_DISABLE": 1},
        "start_seconds": START_SECONDS,
        "max_model_len": CONTEXT,
        "dtype": "float32",
        "enforce_eager": True,
        # A random judge that may lay out JSON as it likes writes nothing but blanks.
        "structured_outputs_config": {"backend": "xgrammar", "disable_any_whitespace": True},
    }


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """The folder of the model."""
    return str(build(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture(scope="session", autouse=True)
def own_temporary_folder(tmp_path_factory):
    """Records, logs and locks of these tests are nobody else's, also in the processes that they start."""
    folder = str(tmp_path_factory.mktemp("tmp"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield folder


@pytest.fixture(scope="module")
def server(model, options):
    """The one that is asked as ``endpoint:``."""
    server = Server(model, options)
    server.start()
    yield server
    server.close()
