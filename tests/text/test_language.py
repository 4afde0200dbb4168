import pickle
import sys

import pytest

from curation.errors import ConfigError
from curation.text import language as language_module
from curation.text.language import load_detector, plain_for_language

SENTENCES = {
    "en": "The derivative of a function measures how quickly its value changes when the argument changes a little.",
    "de": "Die Ableitung einer Funktion beschreibt, wie schnell sich ihr Wert ändert, wenn sich das Argument ändert.",
    "fr": "La dérivée d'une fonction mesure la vitesse à laquelle sa valeur change lorsque l'argument varie un peu.",
}


@pytest.mark.parametrize("code", SENTENCES)
def test_langid_names_the_language_with_a_probability(code):
    found, probability = load_detector("langid").detect(SENTENCES[code])
    assert found == code
    assert 0.5 < probability <= 1.0


def test_formulas_do_not_mislead():
    formulas = r"$$\int_0^\infty \frac{\sin x}{x}\,dx = \frac{\pi}{2}$$ \begin{align} a &= b \\ c &= d \end{align} "
    text = formulas * 20 + SENTENCES["en"] + formulas * 20
    assert plain_for_language(text) == SENTENCES["en"]
    assert load_detector("langid").detect(text)[0] == "en"


def test_prose_around_code_urls_and_prices_stays():
    text = "See `x = 1` at https://example.org/a?b=1 or mail me@example.org: it costs $5 and not $10.\n```\nint x;\n```"
    assert plain_for_language(text) == "See at or mail it costs $5 and not $10."


def test_long_texts_are_cut_and_unclosed_delimiters_are_harmless():
    assert len(plain_for_language("word " * 100_000)) == 5_000
    assert plain_for_language(r"\[ " * 50_000)


@pytest.mark.parametrize("text", ["", " \n", "$x^2$", "1 + 1 = 2"])
def test_a_text_without_prose_is_undetermined(text):
    assert load_detector("langid").detect(text) == ("und", 0.0)


def test_detectors_can_be_pickled_and_are_named():
    detector = pickle.loads(pickle.dumps(load_detector("langid")))
    assert detector.name == "langid"
    assert detector.detect(SENTENCES["de"])[0] == "de"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    import fasttext

    folder = tmp_path_factory.mktemp("fasttext")
    lines = [f"__label__{code} {sentence}\n" for code, sentence in SENTENCES.items() for _ in range(50)]
    (folder / "train.txt").write_text("".join(lines), encoding="utf-8")
    # Fewer than 11 threads fail at random with NaN.
    trained = fasttext.train_supervised(str(folder / "train.txt"), dim=8, epoch=25, lr=0.5, thread=12, verbose=0)
    trained.save_model(str(folder / "model.bin"))
    return folder / "model.bin"


def test_fasttext_reads_the_whole_text_and_strips_the_label(model):
    detector = load_detector(f"fasttext:{model}")
    assert detector.name == f"fasttext:{model}"
    for code, sentence in SENTENCES.items():
        found, probability = detector.detect(sentence.replace(" ", "\n"))
        assert found == code
        assert 0.5 < probability <= 1.0
    assert detector.detect(" \n ") == ("und", 0.0)
    assert detector.detect("The \ud800 derivative of a function measures")[0] == "en"
    assert pickle.loads(pickle.dumps(detector)).detect(SENTENCES["fr"])[0] == "fr"


def test_a_batch_says_of_each_text_what_it_says_alone(model):
    texts = [*SENTENCES.values(), "", " \n ", "The \ud800 derivative", "\n".join(SENTENCES["de"].split())] * 3
    for detector in (load_detector(f"fasttext:{model}"), load_detector("langid")):
        found = detector.detect_batch(texts)
        assert [one[:2] for one in found] == [detector.detect(text) for text in texts]
        assert {one.script for one in found} == {None}
        assert not detector.names_scripts
        assert detector.detect_batch([]) == []


def test_labels_with_a_script_become_the_usual_codes(tmp_path):
    import fasttext

    labels = {
        "eng_Latn": SENTENCES["en"],
        "cmn_Hani": "函数 的 导数 描述 变化",
        "ceb_Latn": "Ang usa ka bahin sa dagat",
    }
    lines = [f"__label__{label} {text}\n" for label, text in labels.items() for _ in range(50)]
    (tmp_path / "train.txt").write_text("".join(lines), encoding="utf-8")
    trained = fasttext.train_supervised(str(tmp_path / "train.txt"), dim=8, epoch=25, lr=0.5, thread=12, verbose=0)
    trained.save_model(str(tmp_path / "glotlid.bin"))
    detector = load_detector(f"fasttext:{tmp_path}/glotlid.bin")
    assert detector.names_scripts
    found = detector.detect_batch([*labels.values(), ""])
    assert [(one.language, one.script) for one in found] == [
        ("en", "Latn"),
        ("zh", "Hani"),
        ("ceb", "Latn"),  # ISO 639-1 has no code
        ("und", None),
    ]
    assert detector.detect(SENTENCES["en"]) == found[0][:2]


@pytest.mark.parametrize(
    ("label", "language", "script"),
    [
        ("__label__en", "en", None),
        ("__label__als", "als", None),  # in lid.176 Alemannic
        ("__label__als_Latn", "sq", "Latn"),  # in GlotLID Tosk Albanian
        ("__label__fao_Latn", "fo", "Latn"),
        ("__label__arb_Arab", "ar", "Arab"),
        ("__label__und_Grek", "und", "Grek"),
    ],
)
def test_codes_are_iso_639_1_where_there_is_one(label, language, script):
    assert language_module._named(label, 1.00001) == (language, 1.0, script)


def test_a_missing_or_broken_model_and_an_unknown_detector_are_named(tmp_path):
    broken = tmp_path / "broken.bin"
    broken.write_bytes(b"no model at all")
    for spec, words in (
        (f"fasttext:{tmp_path}/lid.176.bin", "no model file .*lid.176.bin"),
        (f"fasttext:{broken}", "broken.bin is no fastText model"),
        ("fasttext:", "unknown"),
        ("cld3", "'cld3' is unknown"),
    ):
        with pytest.raises(ConfigError, match=words):
            load_detector(spec)


def test_a_missing_package_names_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "py3langid.langid", None)
    language_module._langid_model.cache_clear()
    with pytest.raises(ConfigError, match=r"pip install 'curation\[demo\]'"):
        load_detector("langid")
