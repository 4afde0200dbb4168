"""datatrove's InferenceRunner against the same server, as its own examples use it.

    run_inference("http://127.0.0.1:8000", "documents.parquet", "out", "finemath_5pt", 512, checkpoints=None)

Its address must not end in ``/v1`` (it polls ``/v1/models`` below it), and it wants httpx, aiofiles and, for
checkpoints, aiosqlite, which its ``inference`` extra brings together with vllm and sglang.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.inference.run_inference import InferenceConfig, InferenceRunner
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import JsonlWriter
from loguru import logger

from curation.annotation.prompt import load_prompt

NEEDED = ("httpx", "aiofiles", "aiosqlite", "orjson")


def missing_packages() -> list[str]:
    """What must be installed for the runner."""
    return [name for name in NEEDED if importlib.util.find_spec(name) is None]


def run_inference(
    url: str, source: str, output: str, prompt_name: str, concurrency: int, checkpoints: str | None
) -> int:
    """Ask about all documents of a parquet file; returns how many were written."""
    logger.remove()
    prompt = load_prompt(prompt_name)

    async def rate(document: Document, generate):
        return await generate({"messages": prompt.messages(document.text)})

    config = InferenceConfig(
        server_type="endpoint",
        model_name_or_path="tiny",
        endpoint_url=url,
        default_generation_params=dict(prompt.generation),
        max_concurrent_generations=concurrency,
    )
    name = "${rank}_${chunk_index}.jsonl" if checkpoints else "${rank}.jsonl"
    runner = InferenceRunner(
        rate, config, JsonlWriter(output, output_filename=name, compression=None), checkpoints_local_dir=checkpoints
    )
    runner.run(ParquetReader(str(Path(source).parent), glob_pattern=Path(source).name).run())
    return sum(path.read_bytes().count(b"\n") for path in Path(output).glob("*.jsonl"))
