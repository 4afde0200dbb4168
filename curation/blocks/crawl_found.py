"""The end of the query of an index: that there is something to fetch.

Example: ``Stage(name="ranges", …, finish=CheckFound())``
"""

from __future__ import annotations

from dataclasses import dataclass

from curation.blocks.step import Documents, Step
from curation.errors import CurationError
from curation.folder import Folder
from curation.manifest import Manifest
from curation.recipe import RunContext


@dataclass(kw_only=True, repr=False)
class CheckFound(Step):
    """A finishing step that stops a run whose index has no page of what is wanted, rather than train on nothing."""

    def run(self, data: Documents | None, rank: int = 0, world_size: int = 1) -> Documents:
        """Nothing to do with documents."""
        yield from data or ()

    def finish(self, context: RunContext) -> None:
        """Look at the shards' records.

        Raises:
            CurationError: if none has a row.
        """
        if not any(record["kept"] for record in Manifest(Folder(context.folder)).records()):
            raise CurationError(
                "the index has no page of any listed domain or URL: is it the index of these pages? (crawl.index and "
                "crawl.crawls say which is read; --set crawl=null reads the archives of `inputs` whole, without one)"
            )
