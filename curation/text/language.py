"""The language of a text, by a detector named in the settings.

Example: ``load_detector("fasttext:/models/lid.176.bin").detect(text)`` is ``("en", 0.97)``; FineMath and FineWeb keep
a text whose best language by that model is English with more than 0.65. ``langid`` is a small detector that comes as a
package (``pip install 'curation[demo]'``) for laptops and tests; its probabilities are not those of fastText.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from curation.errors import ConfigError

UNDETERMINED = ("und", 0.0)
"""What a text without words gives (ISO 639-2 ``und``)."""

_RAW_CHARS = 20_000
_PLAIN_CHARS = 5_000

# Bodies are bounded so that a page of unclosed delimiters costs no more than its length times the bound.
_NOT_PROSE = re.compile(
    r"```.{0,5000}?```|`[^`\n]{1,300}`"
    r"|\$\$.{0,3000}?\$\$|\\\[.{0,3000}?\\\]|\\\(.{0,1000}?\\\)"
    r"|\\begin\{(equation|align|gather|multline|eqnarray|array|[bpv]?matrix|cases|tikzpicture|verbatim)(\*?)\}"
    r".{0,3000}?\\end\{\1\2\}"
    r"|(?<![\\$])\$(?!\s)[^$\n]{0,300}?(?<![\s\\])\$(?!\d)"
    r"|https?://\S+|www\.\S+|\S+@\S+\.\S+"
    r"|\\[A-Za-z]+",
    re.DOTALL,
)
_SPACE = re.compile(r"\s+")


class LanguageDetector(Protocol):
    """Anything that names the language of a text."""

    @property
    def name(self) -> str:
        """What the card and the settings call it."""
        ...

    def detect(self, text: str) -> tuple[str, float]:
        """ISO 639 code (two letters where there is one) of the most probable language, and its probability (0 to 1)."""
        ...


def load_detector(spec: str) -> LanguageDetector:
    """The detector that ``spec`` names: ``langid`` or ``fasttext:PATH`` (a lid.176.bin or lid.176.ftz on this machine).

    Detectors can be pickled; the model is read again where it is used.

    Raises:
        ConfigError: if the spec is unknown, the package is not installed, or the model file is missing or no model.
    """
    kind, _, path = spec.partition(":")
    if spec == "langid":
        _langid_model()
        return LangidDetector()
    if kind == "fasttext" and path:
        _fasttext_model(path)
        return FastTextDetector(path)
    raise ConfigError(f"language detector {spec!r} is unknown; expected 'langid' or 'fasttext:PATH'")


def plain_for_language(text: str) -> str:
    """The prose of ``text``, at most 5,000 characters from its first 20,000: without formulas, code, URLs, addresses.

    Formulas are letters of no language. Of 999 texts of mathematics py3langid reads 994 as English so, 995 as they are:
    what counts is that a page mostly of formulas is judged by its few sentences.
    """
    return _SPACE.sub(" ", _NOT_PROSE.sub(" ", text[:_RAW_CHARS])).strip()[:_PLAIN_CHARS]


@dataclass(frozen=True, slots=True)
class LangidDetector:
    """py3langid (97 languages, naive Bayes over byte n-grams), on the prose of the text only."""

    name: str = "langid"

    def detect(self, text: str) -> tuple[str, float]:
        """See `LanguageDetector.detect`."""
        plain = plain_for_language(text)
        if not any(map(str.isalpha, plain)):
            return UNDETERMINED
        language, probability = _langid_model().classify(plain)
        return str(language), min(float(probability), 1.0)


@dataclass(frozen=True, slots=True)
class FastTextDetector:
    """A fastText language model, on the whole text with newlines as spaces: what datatrove's ``LanguageFilter`` does.

    Formulas stay in, because the published thresholds were used that way.
    """

    path: str

    @property
    def name(self) -> str:
        """The spec that loads it."""
        return f"fasttext:{self.path}"

    def detect(self, text: str) -> tuple[str, float]:
        """See `LanguageDetector.detect`."""
        line = text.replace("\n", " ").encode("utf-8", "ignore").decode("utf-8")  # lone surrogates would raise
        if not line.strip():
            return UNDETERMINED
        labels, probabilities = _fasttext_model(self.path).predict(line, k=1)
        if not labels:
            return UNDETERMINED
        return labels[0].removeprefix("__label__"), min(float(probabilities[0]), 1.0)


@functools.cache
def _langid_model() -> Any:
    try:
        from py3langid.langid import LanguageIdentifier
    except ImportError as error:
        raise ConfigError("language detector langid: pip install 'curation[demo]'") from error
    return LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)


@functools.cache
def _fasttext_model(path: str) -> Any:
    if not Path(path).is_file():
        raise ConfigError(f"language detector fasttext: no model file {path}")
    try:
        import fasttext
    except ImportError as error:
        raise ConfigError("language detector fasttext: pip install fasttext-numpy2-wheel") from error
    try:
        return fasttext.load_model(path)
    except (ValueError, RuntimeError, MemoryError) as error:
        raise ConfigError(f"language detector fasttext: {path} is no fastText model ({error})") from error
