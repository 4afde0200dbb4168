"""An event loop on a thread of its own, so that judging works where a loop already runs, as in a notebook.

background = Background("judge")
background.run(asyncio.sleep(1, "slept"))  # "slept"
background.close()
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Background:
    """A daemon thread that runs one event loop until closed."""

    def __init__(self, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The result of ``coroutine``, waited for in the calling thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result()

    def close(self) -> None:
        """Stop the loop, cancelling what still runs."""
        if self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_others(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_others() -> None:
    while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        for task in others:  # again, where a task began another while it ended
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
