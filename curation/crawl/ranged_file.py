"""A file of which just those bytes are read that are asked for, with patience.

Example: ``with RangedFile("s3://commoncrawl/cc-index/…/part-00017.parquet") as file: pq.ParquetFile(file)``, and
``file.bytes_read`` says afterwards what that took. The caches of fsspec's files fetch megabytes around each read.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import Any, TypeVar

from fsspec.core import url_to_fs

from curation.errors import CurationError
from curation.retry import Backoff
from curation.stores import may_pass, retry_after, said

T = TypeVar("T")


class RangedFile(io.RawIOBase):
    """A file for reading. A read that fails for a reason that may pass, such as a busy store, is made again.

    Args:
        location: local or remote.
        backoff: how often, and after how long.

    Raises:
        CurationError: if the store fails to the end, or refuses.
    """

    def __init__(self, location: str, backoff: Backoff | None = None) -> None:
        self._location, self._backoff = location, backoff or Backoff()
        self._stream: Any = None
        fs, path = url_to_fs(location)
        self._stream = self._patiently(lambda: fs.open(path, "rb", cache_type="none"))
        self.size = int(self._stream.seek(0, 2))
        self._stream.seek(0)
        self.bytes_read = 0

    def close(self) -> None:
        """Close it."""
        if self._stream is not None:
            self._stream.close()
        super().close()

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """As of any file."""
        return int(self._stream.seek(offset, whence))

    def tell(self) -> int:
        """As of any file."""
        return int(self._stream.tell())

    def read(self, size: int = -1) -> bytes:
        """As of any file."""
        place = self.tell()

        def attempt() -> bytes:
            self._stream.seek(place)
            return bytes(self._stream.read(size))

        found = self._patiently(attempt)
        self.bytes_read += len(found)
        return found

    def readinto(self, buffer: Any) -> int:
        """As of any file."""
        found = self.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)

    def _patiently(self, attempt: Callable[[], T]) -> T:
        number = 0
        while True:
            try:
                return attempt()
            except Exception as error:  # of a store also what its own package calls an error
                number += 1
                if isinstance(error, FileNotFoundError) or not may_pass(error) or number >= self._backoff.attempts:
                    raise CurationError(f"{self._location}: {said(error)} (after {number} attempts)") from error
                seconds = self._backoff.delay(number - 1, retry_after(error))
            time.sleep(seconds)
