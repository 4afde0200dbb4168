"""Keys, tokens and passwords in code masked, or files that have them dropped.

Example: ``MaskSecrets(allowed="examples.txt", report=folder_of("mask", "report"))`` needs
``pip install 'curation[code]'``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pyarrow as pa

from curation.blocks.masking import Masking, Treatment
from curation.text.masking import Allowed, Pattern, Span, find_patterns
from curation.text.secret_forms import form_patterns
from curation.text.secrets import find_secrets

_BY_NAME = ("password", "named_key", "private_key")


@dataclass(kw_only=True, repr=False)
class MaskSecrets(Masking):
    """Replace secrets by ``<KEY>`` and ``<PASSWORD>``, as in StarCoder's data.

    Adds ``secrets``, the number of each kind as JSON, null where there is none. Dropped documents have the reason
    ``secret``. The text and the strings of the column ``metadata`` are masked; all other columns are left as they are.
    It runs before `ReplacePersonal`, which would take the half of a password with an @.

    Args:
        secrets: ``mask``, ``drop`` (the document) or ``off``.
        own: as of `Masking`, and so are ``patterns``, ``allowed``, ``report`` and ``path_column``. The path also says
            how values are written in a file.
    """

    version: ClassVar[int] = 1
    adds: ClassVar[dict[str, pa.DataType]] = {"secrets": pa.string()}
    found_column: ClassVar[str] = "secrets"
    drop_reason: ClassVar[str] = "secret"

    secrets: Treatment = "mask"

    def treatments(self) -> dict[str, str]:
        """See `Masking.treatments`."""
        return {"secrets": self.secrets, "own": self.own}

    def kinds(self) -> set[str]:
        """See `Masking.kinds`; needs the detector."""
        return {*_BY_NAME, *(form.kind for form in form_patterns())} if self.secrets != "off" else set()

    def find(self, text: str, path: str, patterns: Sequence[Pattern], allowed: Allowed) -> list[Span]:
        """See `Masking.find`."""
        if self.secrets == "off":
            return find_patterns(text, patterns, allowed, [])
        return find_secrets(text, path, patterns=patterns, allowed=allowed)

    def treatment(self, kind: str) -> str:
        """See `Masking.treatment`."""
        return self.secrets if kind in self.kinds() else self.own
