"""What one of several processes of this user takes for itself on a machine: a lock on a file, gone with its holders.

    lock = lock_file("port-20123")  # None: another process has it
    os.close(lock)

A process that inherits the open file holds the lock as well, so it lasts until the last of them has ended.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from pathlib import Path

from curation.errors import ConfigError


def own_folder() -> Path:
    """A folder of this user on this machine's disk, for locks, logs and records.

    Raises:
        ConfigError: if another user holds it.
    """
    folder = Path(tempfile.gettempdir()) / f"curation-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ConfigError(f"{folder} belongs to another user; set TMPDIR to a folder of your own")
    return folder


def lock_file(name: str) -> int | None:
    """The open file that holds the lock of that name; None if it is taken.

    Raises:
        ConfigError: as `own_folder`.
    """
    path = own_folder() / f"{re.sub(r'[^A-Za-z0-9.-]', '_', name)}.lock"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
