"""What can go wrong, by what to do about it.

    CurationError
    ├── ConfigError        fix the settings: raised before any work
    ├── ContentError       fix the prompt, the spec or the recipe
    ├── StaleOutput        choose: another folder, or redo this stage
    └── UnreadableReply    one document; counted, never leaves the annotate step

Example: ``raise ConfigError("finemath.yaml: unknown key 'treshold' (did you mean 'threshold'?)")``
"""

from __future__ import annotations


class CurationError(Exception):
    """The root of everything this library raises on purpose."""


class ConfigError(CurationError):
    """A setting, a path or a missing package: fix it and start again; no work was done."""


class ContentError(CurationError):
    """A prompt, a classifier spec or a recipe is wrong: fix the file that the message names."""


class StaleOutput(CurationError):
    """A costly stage was made with other settings or inputs than those now given."""


class UnreadableReply(CurationError):
    """One reply of the judge carries no score on the scale; the document keeps its raw reply and gets no label."""
