"""Kernels that are kept between processes."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

KERNELS = """
from curation.compiled import bare, kernel, part
from numbers_beside import NUMBER

@part
def twice(value):
    return 2 * value

@bare
def first(values):
    return values[0]

@kernel
def answer(values):
    return twice(first(values)) + NUMBER
"""
CALL = "import numpy, kernels; print(kernels.answer(numpy.ones(1)), sum(kernels.answer.stats.cache_hits.values()))"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    (tmp_path / "numbers_beside.py").write_text("NUMBER = 1\n")
    return tmp_path


def answer_and_hits(folder, **environment):
    """What a new process computes, and how many kernels it found ready."""
    paths = os.pathsep.join([str(folder), *filter(None, sys.path)])
    variables = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    variables |= {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"} | environment
    done = subprocess.run(
        [sys.executable, "-c", CALL], env=variables, cwd=folder, capture_output=True, text=True, check=True
    )
    answer, hits = done.stdout.split()
    return float(answer), int(hits)


def test_a_change_in_any_file_of_the_folder_compiles_anew(folder):
    assert answer_and_hits(folder) == (3, 0)
    assert answer_and_hits(folder) == (3, 1)
    (folder / "numbers_beside.py").write_text("NUMBER = 2\n")
    assert answer_and_hits(folder) == (4, 0)
    assert answer_and_hits(folder) == (4, 1)
    (folder / "another.py").write_text("")
    assert answer_and_hits(folder) == (4, 0)


def test_a_folder_that_cannot_be_written_to_keeps_nothing(folder):
    (folder / "__pycache__").write_text("a file where the folder of compiled kernels would be")
    nowhere = {"XDG_CACHE_HOME": str(folder / "__pycache__"), "HOME": str(folder / "__pycache__")}
    assert answer_and_hits(folder, **nowhere) == (3, 0)
    assert answer_and_hits(folder, **nowhere) == (3, 0)
