"""Email and IP addresses replaced, or documents that have them dropped.

Example: ``ReplacePersonal(ips="off", patterns="employees.yaml", report=folder_of("mask", "report"))``; FineWeb's last
step is ``ReplacePersonal()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pyarrow as pa

from curation.blocks.masking import Masking, Treatment
from curation.errors import ConfigError
from curation.text.masking import Allowed, Pattern, Span, find_patterns
from curation.text.personal import find_personal


@dataclass(kw_only=True, repr=False)
class ReplacePersonal(Masking):
    """Replace email addresses and public IP addresses as FineWeb does, each document on its own.

    Adds ``personal_data``, the number of each kind as JSON, null where there is none. Dropped documents have the reason
    ``personal_data``. The text and the strings of the column ``metadata`` are masked; all other columns are left as
    they are. `MaskSecrets` runs before it, if at all: of a password with an @ this step would take the half.

    Args:
        emails: ``mask``, ``drop`` (the document) or ``off``.
        ips: the same for public IP addresses.
        ips_in: ``code``: numbers of four parts that are versions or sections of standards are left, see
            `curation.text.version_numbers`; empty: all are taken for addresses, as FineWeb does.
        own: as of `Masking`, and so are ``patterns``, ``allowed``, ``report`` and ``path_column``.
    """

    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"personal_data": pa.string()}
    found_column: ClassVar[str] = "personal_data"
    drop_reason: ClassVar[str] = "personal_data"

    emails: Treatment = "mask"
    ips: Treatment = "mask"
    ips_in: Literal["", "code"] = ""
    path_column: str = "url"

    def identity(self) -> dict[str, Any]:
        """Outputs that were made before there was ``ips_in`` stay valid."""
        return {name: value for name, value in super().identity().items() if value or name != "ips_in"}

    def check(self) -> None:
        """See `Masking.check`."""
        if self.ips_in not in ("", "code"):
            raise ConfigError(f"{type(self).__name__}: ips_in: expected code or nothing, got {self.ips_in!r}")
        super().check()

    def treatments(self) -> dict[str, str]:
        """See `Masking.treatments`."""
        return {"emails": self.emails, "ips": self.ips, "own": self.own}

    def kinds(self) -> set[str]:
        """See `Masking.kinds`."""
        return {"email", "ip"}

    def find(self, text: str, path: str, patterns: Sequence[Pattern], allowed: Allowed) -> list[Span]:
        """See `Masking.find`."""
        emails, ips, code = self.emails != "off", self.ips != "off", self.ips_in == "code"
        found = find_personal(text, emails=emails, ips=ips, allowed=allowed, code=code)
        return find_patterns(text, patterns, allowed, found)

    def treatment(self, kind: str) -> str:
        """See `Masking.treatment`."""
        return {"email": self.emails, "ip": self.ips}.get(kind, self.own)
