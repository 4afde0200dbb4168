"""An event loop on a thread of its own, so that judging works where a loop already runs, as in a notebook.

background = Background("judge")
for item in background.drain(produce):  # async def produce(put): put(1); put(2)
    ...
background.close()
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
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

    def drain(self, produce: Callable[[Callable[[T], None]], Awaitable[None]]) -> Iterator[T]:
        """What ``produce`` puts, as it comes; its error is raised here, and leaving early cancels it."""
        items: queue.SimpleQueue[tuple[T] | None] = queue.SimpleQueue()

        async def run() -> None:
            await produce(lambda item: items.put((item,)))

        future: Future[None] = asyncio.run_coroutine_threadsafe(run(), self.loop)
        future.add_done_callback(lambda _: items.put(None))
        try:
            while (item := items.get()) is not None:
                yield item[0]
            future.result()
        finally:
            future.cancel()

    def close(self) -> None:
        """Stop the loop, cancelling what still runs."""
        if self.loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(_cancel_others(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def _cancel_others() -> None:
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
