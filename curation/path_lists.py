"""Lists of paths, as Common Crawl publishes them: ``warc.paths.gz`` names the 90,000 archives of a dump.

Example: ``listed_paths("https://data.commoncrawl.org/crawl-data/CC-MAIN-2024-10/cc-index-table.paths.gz")`` gives the
locations of the index's files. Over https a folder cannot be listed, and nobody without an account can list the bucket.
"""

from __future__ import annotations

import gzip
import zlib

from fsspec.core import url_to_fs

from curation.errors import ConfigError

_ENDINGS = (".paths.gz", ".paths")
_ROOTS = ("/crawl-data/", "/cc-index/", "/contrib/")


def is_path_list(location: str) -> bool:
    """Whether a location names a list of paths."""
    return location.endswith(_ENDINGS)


def listed_paths(location: str) -> list[str]:
    """The locations that a list names, in its order.

    Paths are relative to the bucket or host that the list lies on, as Common Crawl's are, or to the list's own folder
    where that has no such place.

    Raises:
        ConfigError: if it names nothing, or is no list.
    """
    fs, path = url_to_fs(location)
    content = fs.cat_file(path)
    try:
        lines = (gzip.decompress(content) if location.endswith(".gz") else content).decode().split("\n")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise ConfigError(f"{location}: expected one path a line: {error}") from error
    names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise ConfigError(f"{location}: names no file")
    places = [at for one in _ROOTS if (at := location.find(one)) >= 0]
    root = location[: min(places)] if places else location.rpartition("/")[0]
    return [name if "://" in name or name.startswith("/") else f"{root}/{name}" for name in names]
