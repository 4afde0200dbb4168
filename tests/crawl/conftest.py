"""Real archives and indexes of them, where they are."""

from pathlib import Path

import pytest


@pytest.fixture
def archive_folder():
    folder = Path(__file__).resolve().parents[2].parent / "shared/data/web/archives"
    if not folder.exists():
        pytest.skip(f"real data not on this machine: {folder}")
    return folder
