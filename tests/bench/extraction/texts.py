"""The texts of a set of pages by one extractor, kept between runs for all but our own.

``texts_of(peer, "gold", pages)`` is a dictionary from a page's key to its text. The peers do not change from run to run
and trafilatura takes minutes; their texts lie in a folder of the system's temporary one, named after the version, the
options and the pages.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.extraction.pages import SharedPage
from tests.bench.extraction.peers import OURS, Peer, Trafilatura

KEPT = Path(tempfile.gettempdir()) / "curation-bench-texts"


def texts_of(peer: Peer | Trafilatura, name: str, pages: Sequence[SharedPage]) -> dict[str, str]:
    """Texts by page key."""
    keys = [page.key for page in pages]
    if peer.name == OURS:
        return dict(zip(keys, peer.run(pages)[0], strict=True))
    path = KEPT / f"{_identity(peer, name, pages)}.json"
    if not path.is_file():
        KEPT.mkdir(exist_ok=True)
        path.write_text(json.dumps(peer.run(pages)[0]), encoding="ascii")
    return dict(zip(keys, json.loads(path.read_text(encoding="ascii")), strict=True))


def _identity(peer: Peer | Trafilatura, name: str, pages: Sequence[SharedPage]) -> str:
    options = getattr(peer, "options", {})
    said = [peer.name, peer.release, options, [(page.key, len(page.html)) for page in pages]]
    return f"{name}-{peer.name.replace(' ', '-')}-{hashlib.sha1(json.dumps(said).encode()).hexdigest()[:12]}"
