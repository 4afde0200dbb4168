"""What is kept of a scored corpus, as files: a folder for each language, and what they were made by.

{output}/Cpp/train-00000.parquet     kept rows: ids and scores, with their texts if they were asked for
{output}/filter.json                 flags, thresholds, the table of what was kept, the files; written last
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from curation.blocks.scores import SCORE_COLUMNS
from curation.blocks.write import RowWriter
from curation.errors import ConfigError
from curation.folder import Folder

RECORD = "filter.json"

_FILE_BYTES = 2_000_000_000  # of Arrow: a parquet file of some hundred MB


class KeptFiles:
    """One parquet file after another for each folder, each under its final name only when complete.

    Args:
        output: a folder that is empty, not there, or was written by this class before: it is then written anew.
        columns: of the input; of them `SCORE_COLUMNS` are written.
        with_text: whether there is a column ``text``, too.

    Raises:
        ConfigError: if the folder holds something else, or cannot be written.
    """

    def __init__(self, output: Folder, columns: Mapping[str, pa.DataType], with_text: bool) -> None:
        self.folder, self.files = output, list[str]()
        wanted = (*SCORE_COLUMNS, *(["text"] if with_text else []))
        kinds = {**columns, "text": pa.large_string()}
        self.columns = {name: _plain(kinds[name]) for name in wanted if name in kinds}
        self._open: dict[str, tuple[contextlib.ExitStack, RowWriter]] = {}
        self._written: dict[str, int] = {}
        _clear(output)
        output.check_writable()
        output.write_json(RECORD, {"finished": False})

    def __enter__(self) -> KeptFiles:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: Any) -> None:
        for name in list(self._open):
            self._end(name, kind, *error)

    def write(self, name: str, table: pa.Table) -> None:
        """Add rows to the folder ``name``."""
        if name not in self._open:
            self._begin(name)
        self._open[name][1].write_table(table)
        self._written[name] += table.nbytes
        if self._written[name] >= _FILE_BYTES:
            self._end(name, None)

    def finish(self, record: Mapping[str, Any]) -> None:
        """Say what the files are; from here on they count."""
        self.folder.write_json(RECORD, {"finished": True, **record, "files": sorted(self.files)})

    def _begin(self, name: str) -> None:
        number = sum(one.startswith(f"{name}/") for one in self.files)
        path, stack = f"{name}/train-{number:05d}.parquet", contextlib.ExitStack()
        local = stack.enter_context(self.folder.create(path))
        self._open[name], self._written[name] = (stack, RowWriter(local, self.columns, path)), 0
        self.files.append(path)

    def _end(self, name: str, kind: type[BaseException] | None, *error: Any) -> None:
        stack, writer = self._open.pop(name)
        if kind is not None:
            writer.abandon()
            stack.__exit__(kind, *error)
            return
        with stack:
            writer.close()


def _clear(output: Folder) -> None:
    """Remove what an earlier call left; of anything else nothing is touched."""
    if output.read_json(RECORD) is None:
        if there := output.walk(""):
            raise ConfigError(
                f"output folder {output.location} holds other files, such as {there[0]}; name an empty one"
            )
        return
    for path in output.walk(""):
        if path.count("/") == 1 and path.rpartition("/")[2].startswith(("train-", ".train-")):
            output.remove(path)


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
