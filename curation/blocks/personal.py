"""Email and IP addresses replaced, or documents that have them dropped.

Example: ``ReplacePersonal(ips="off", patterns="employees.yaml", report=folder_of("mask", "report"))``; FineWeb's last
step is ``ReplacePersonal()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from curation.blocks.masking import Masking, Treatment
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
        ips: the same for public IP addresses; version numbers of four parts look like them, so ``off`` suits code.
        own: as of `Masking`, and so are ``patterns``, ``allowed``, ``report`` and ``path_column``.
    """

    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"personal_data": pa.string()}
    found_column: ClassVar[str] = "personal_data"
    drop_reason: ClassVar[str] = "personal_data"

    emails: Treatment = "mask"
    ips: Treatment = "mask"
    path_column: str = "url"

    def treatments(self) -> dict[str, str]:
        """See `Masking.treatments`."""
        return {"emails": self.emails, "ips": self.ips, "own": self.own}

    def kinds(self) -> set[str]:
        """See `Masking.kinds`."""
        return {"email", "ip"}

    def find(self, text: str, path: str, patterns: Sequence[Pattern], allowed: Allowed) -> list[Span]:
        """See `Masking.find`."""
        found = find_personal(text, emails=self.emails != "off", ips=self.ips != "off", allowed=allowed)
        return find_patterns(text, patterns, allowed, found)

    def treatment(self, kind: str) -> str:
        """See `Masking.treatment`."""
        return {"email": self.emails, "ip": self.ips}.get(kind, self.own)
