"""The language of a text, by a detector named in the settings.

Example: ``load_detector("fasttext:/models/lid.176.bin").detect(text)`` is ``("en", 0.97)``; FineMath and FineWeb keep
a text whose best language by that model is English with more than 0.65. A model whose labels name a script, as GlotLID
(``__label__eng_Latn``), gives the same code, and the script beside it. ``langid`` is a small detector that comes as a
package (``pip install 'curation[demo]'``) for laptops and tests; its probabilities are not those of fastText.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from curation.errors import ConfigError

UNDETERMINED = ("und", 0.0)
"""What a text without words gives (ISO 639-2 ``und``)."""

_LABEL = re.compile(r"__label__([a-z]{3})_([A-Z][a-z]{3})")

# ISO 639-3 to ISO 639-1. After the semicolon what GlotLID and FLORES call by the member that is meant where
# ISO 639-1 has the group: Standard Arabic, Mandarin, Iranian Persian. Labels without a script are not looked up: in
# lid.176 ``als`` is Alemannic, as in Wikipedia's addresses, not Tosk Albanian.
_TWO_LETTERS = dict(
    pair.split(":")
    for pair in """
aar:aa abk:ab afr:af aka:ak amh:am ara:ar arg:an asm:as ava:av ave:ae aym:ay aze:az bak:ba bam:bm bel:be ben:bn
bis:bi bod:bo bos:bs bre:br bul:bg cat:ca ces:cs cha:ch che:ce chu:cu chv:cv cor:kw cos:co cre:cr cym:cy dan:da
deu:de div:dv dzo:dz ell:el eng:en epo:eo est:et eus:eu ewe:ee fao:fo fas:fa fij:fj fin:fi fra:fr fry:fy ful:ff
gla:gd gle:ga glg:gl glv:gv grn:gn guj:gu hat:ht hau:ha heb:he her:hz hin:hi hmo:ho hrv:hr hun:hu hye:hy ibo:ig
ido:io iii:ii iku:iu ile:ie ina:ia ind:id ipk:ik isl:is ita:it jav:jv jpn:ja kal:kl kan:kn kas:ks kat:ka kau:kr
kaz:kk khm:km kik:ki kin:rw kir:ky kom:kv kon:kg kor:ko kua:kj kur:ku lao:lo lat:la lav:lv lim:li lin:ln lit:lt
ltz:lb lub:lu lug:lg mah:mh mal:ml mar:mr mkd:mk mlg:mg mlt:mt mon:mn mri:mi msa:ms mya:my nau:na nav:nv nbl:nr
nde:nd ndo:ng nep:ne nld:nl nno:nn nob:nb nor:no nya:ny oci:oc oji:oj ori:or orm:om oss:os pan:pa pli:pi pol:pl
por:pt pus:ps que:qu roh:rm ron:ro run:rn rus:ru sag:sg san:sa sin:si slk:sk slv:sl sme:se smo:sm sna:sn snd:sd
som:so sot:st spa:es sqi:sq srd:sc srp:sr ssw:ss sun:su swa:sw swe:sv tah:ty tam:ta tat:tt tel:te tgk:tg tgl:tl
tha:th tir:ti ton:to tsn:tn tso:ts tuk:tk tur:tr twi:tw uig:ug ukr:uk urd:ur uzb:uz ven:ve vie:vi vol:vo wln:wa
wol:wo xho:xh yid:yi yor:yo zha:za zho:zh zul:zu ; als:sq arb:ar azj:az cmn:zh ekk:et khk:mn kmr:ku lvs:lv npi:ne
ory:or pbt:ps pes:fa plt:mg swh:sw uzn:uz ydd:yi zsm:ms
""".replace(";", " ").split()
)  # fmt: skip

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


class Detected(NamedTuple):
    """The most probable language of a text, its probability (0 to 1), and its script (ISO 15924) where one is named."""

    language: str
    score: float
    script: str | None = None


class LanguageDetector(Protocol):
    """Anything that names the language of a text."""

    @property
    def name(self) -> str:
        """What the card and the settings call it."""
        ...

    @property
    def names_scripts(self) -> bool:
        """Whether it says in which script a text is."""
        ...

    def detect(self, text: str) -> tuple[str, float]:
        """ISO 639 code (two letters where there is one) of the most probable language, and its probability (0 to 1)."""
        ...

    def detect_batch(self, texts: Sequence[str]) -> list[Detected]:
        """The same of many texts, in order."""
        ...


def load_detector(spec: str) -> LanguageDetector:
    """The detector that ``spec`` names: ``langid`` or ``fasttext:PATH`` (a lid.176 or GlotLID file on this machine).

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
    names_scripts: bool = False

    def detect_batch(self, texts: Sequence[str]) -> list[Detected]:
        """See `LanguageDetector.detect_batch`."""
        return [Detected(*self.detect(text)) for text in texts]

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

    @property
    def names_scripts(self) -> bool:
        """Whether the model's labels end in a script."""
        return any(_LABEL.fullmatch(label) for label in _fasttext_model(self.path).get_labels())

    def detect(self, text: str) -> tuple[str, float]:
        """See `LanguageDetector.detect`."""
        found = self.detect_batch([text])[0]
        return found.language, found.score

    def detect_batch(self, texts: Sequence[str]) -> list[Detected]:
        """See `LanguageDetector.detect_batch`; one call of the model."""
        # Lone surrogates would raise.
        lines = [text.replace("\n", " ").encode("utf-8", "ignore").decode("utf-8") for text in texts]
        labels, scores = _fasttext_model(self.path).predict(lines, k=1)
        return [
            _named(label[0], score[0]) if line.strip() and label else Detected(*UNDETERMINED)
            for line, label, score in zip(lines, labels, scores, strict=True)
        ]


def _named(label: str, score: float) -> Detected:
    """A model's label in the codes of lid.176: two letters where there are any."""
    probability = min(float(score), 1.0)
    parts = _LABEL.fullmatch(label)
    if parts is None:
        return Detected(label.removeprefix("__label__"), probability)
    return Detected(_TWO_LETTERS.get(parts[1], parts[1]), probability, parts[2])


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
