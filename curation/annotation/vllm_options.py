"""What the options of ``vllm:`` mean: the server's command line, its interpreter and its environment.

    server_arguments({"max_model_len": 8192, "enforce_eager": True})  # ["--max-model-len", "8192", "--enforce-eager"]
    interpreter({"python": "/opt/vllm/bin/python"})  # "/opt/vllm/bin/python"

An option that vLLM does not know is named by the server itself, and its words reach the `ConfigError` of the start.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from curation.errors import ConfigError
from curation.gpus import gpus_needed

LOCAL_OPTIONS = ("env", "python", "start_seconds")
"""Options that say how the server is started, not what it serves."""

TUNING_OPTIONS = (
    "api_server_count", "block_size", "cpu_offload_gb", "data_parallel_size", "data_parallel_size_local",
    "disable_log_requests", "disable_log_stats", "distributed_executor_backend", "download_dir",
    "enable_prefix_caching", "enforce_eager", "gpu_memory_utilization", "load_format", "max_num_batched_tokens",
    "max_num_seqs", "pipeline_parallel_size", "safetensors_load_strategy", "swap_space", "tensor_parallel_size",
    "uvicorn_log_level",
)  # fmt: skip
"""Options that say how fast and in how much memory it serves: when one has cost a night, replies still count."""

SERVER_OPTIONS = (*LOCAL_OPTIONS, *TUNING_OPTIONS, "max_model_len", "dtype", "quantization")
"""Options that mean nothing to a server that runs already."""

_SECRET = re.compile(r"(?:token|key|secret|password)$", re.IGNORECASE)

MODULE = "vllm.entrypoints.openai.api_server"

_FINDS_VLLM = "import importlib.util, sys; sys.exit(0 if importlib.util.find_spec('vllm') else 3)"
# Silence, and no TensorFlow: transformers would take tens of seconds to import it.
_DEFAULTS = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "USE_TF": "0", "TRANSFORMERS_NO_TF": "1"}


def check_options(options: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for an option that cannot be meant."""
    for name in (*options, *(options.get("env") or {})):
        if _SECRET.search(name):
            raise ConfigError(
                f"judge options: {name}: options are written into the run's records; set it in the environment, which "
                "the server inherits"
            )
    server_arguments(options)
    start_seconds(options)
    gpus_needed(options)
    for key in ("body", "env"):
        if not isinstance(options.get(key) or {}, Mapping):
            raise ConfigError(f"judge options: {key}: expected a mapping, got {options[key]!r}")


def interpreter(options: Mapping[str, Any]) -> str:
    """The Python that runs vLLM: the option ``python``, or ours."""
    named = os.path.expanduser(str(options.get("python") or sys.executable))
    return shutil.which(named) or named


def find_vllm(python: str) -> None:
    """See that ``python`` has vLLM, without importing it.

    Raises:
        ConfigError: if it has not, or is no interpreter.
    """
    try:
        found = subprocess.run([python, "-c", _FINDS_VLLM], capture_output=True, text=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"judge options: python: {python} cannot be run: {error}") from error
    if found.returncode == 3:
        advice = "pip install 'curation[vllm]', or " if python == sys.executable else "install it there, or "
        raise ConfigError(
            f"vllm is not installed for {python}; {advice}name an interpreter that has it by the judge option 'python'"
        )
    if found.returncode != 0:
        raise ConfigError(f"judge options: python: {python} is no working interpreter: {found.stderr.strip()[-300:]}")


def start_seconds(options: Mapping[str, Any]) -> float:
    """How long the server may take until it answers.

    Raises:
        ConfigError: if it is not more than 0.
    """
    value = options.get("start_seconds") or 3600.0
    if not isinstance(value, int | float) or value <= 0:
        raise ConfigError(f"judge options: start_seconds: expected more than 0, got {value!r}")
    return float(value)


def server_environment(options: Mapping[str, Any]) -> dict[str, str]:
    """Ours, fit for vLLM's interpreter, with what the option ``env`` sets in it; null removes a variable."""
    python = interpreter(options)
    ours = dict(os.environ)
    if python != sys.executable:
        for name in ("PYTHONHOME", "PYTHONPATH"):  # of this interpreter, not of that one
            ours.pop(name, None)
    # Kernels are compiled at the start, with the ninja that lies beside vLLM's interpreter.
    ours["PATH"] = os.pathsep.join(filter(None, [os.path.dirname(python), ours.get("PATH", os.defpath)]))
    values = {**_DEFAULTS, **ours, **(options.get("env") or {})}
    return {name: str(value) for name, value in values.items() if value is not None}


def server_arguments(options: Mapping[str, Any]) -> list[str]:
    """Options as command-line arguments.

    ``max_model_len: 8192`` is ``--max-model-len 8192``, true a bare flag, a mapping JSON, a list several words.

    Raises:
        ConfigError: for what is ours to set, or a value that no command line can carry.
    """
    arguments: list[str] = []
    for key, value in options.items():
        flag = key.strip("-").replace("_", "-")
        if flag in ("model", "host", "port"):
            raise ConfigError(f"judge options: {key!r} is set by the judge itself")
        if key in ("body", *LOCAL_OPTIONS) or value is None:
            continue
        if isinstance(value, bool):
            arguments.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            arguments += [f"--{flag}", *_words(key, value)]
    return arguments


def _words(key: str, value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [json.dumps(value)]
    values = value if isinstance(value, list | tuple) else [value]
    if not values or not all(isinstance(one, str | int | float) for one in values):
        raise ConfigError(f"judge options: {key}: expected a plain value, a list of them or a mapping, got {value!r}")
    return [str(one) for one in values]
