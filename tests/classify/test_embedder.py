import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny_models import MINILM

from curation.classify.embedder import load_embedder
from curation.classify.pooling import averaged
from curation.classify.tokens import Tokens
from curation.errors import ConfigError

TEXTS = [
    "The derivative of x^2 is 2x.",
    "",
    "Cookie policy",
    "theorem " * 300,
    "Let $a$ and $b$ be integers. " * 5,
    " ",
    "\ud800 broken",
]


def test_a_vector_depends_on_its_text_alone(minilm):
    """To the bit on one machine; asserted to 1e-5 in case another's kernels depend on the batch."""
    together = minilm.embed(TEXTS)
    assert together.dtype == np.float32 and together.shape == (7, 384)
    assert np.array_equal(minilm.embed(TEXTS), together)
    np.testing.assert_allclose(np.concatenate([minilm.embed([text]) for text in TEXTS]), together, atol=1e-5)
    np.testing.assert_allclose(minilm.embed(TEXTS[::-1])[::-1], together, atol=1e-5)
    assert minilm.embed([]).shape == (0, 384)


def test_the_same_list_gives_the_same_bits_in_another_process_and_with_other_threads(minilm):
    code = (
        "import sys; from curation.classify.embedder import load_embedder;"
        f"e = load_embedder({MINILM!r}, pooling='mean', max_tokens=128, precision='fp32', threads=1);"
        f"sys.stdout.buffer.write(e.embed({TEXTS[:5]!r}).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stderr == b""
    assert done.stdout == minilm.embed(TEXTS[:5]).tobytes()


def test_poolings_are_those_of_plain_transformers(minilm):
    import torch

    model, tokenizer = minilm.loaded.model, minilm.loaded.tokenizer
    encoded = tokenizer(TEXTS[4], return_tensors="pt")
    with torch.inference_mode():
        hidden = model(**encoded).last_hidden_state[0].numpy()
    expected = {"first": hidden[0], "last": hidden[-1], "mean": hidden.mean(0)}
    for pooling, vector in expected.items():
        mine = load_embedder(MINILM, pooling=pooling, precision="fp32")
        np.testing.assert_allclose(mine.embed(TEXTS[:5])[4], vector, atol=1e-5)
    mine = load_embedder(MINILM, pooling="mean", precision="fp32", normalize=True)
    np.testing.assert_allclose(mine.embed(TEXTS[4:5])[0], hidden.mean(0) / np.linalg.norm(hidden.mean(0)), atol=1e-5)


def test_prefix_and_truncation(minilm):
    prefixed = load_embedder(MINILM, max_tokens=128, prefix="query: ", precision="fp32")
    assert np.array_equal(prefixed.embed(["x y"]), minilm.embed(["query: x y"]))
    assert np.array_equal(minilm.embed(["theorem " * 300]), minilm.embed(["theorem " * 900]))


def test_a_very_long_text_is_read_as_if_tokenised_whole(minilm):
    blank = " " * 2_000_000 + "theorem proof"
    assert np.array_equal(minilm.embed([blank]), minilm.embed(["theorem proof"]))
    assert np.array_equal(minilm.embed(["theorem " * 100_000]), minilm.embed(["theorem " * 200]))


def test_bf16_stays_near_fp32(minilm):
    rough = load_embedder(MINILM, max_tokens=128, precision="bf16")
    assert rough.identity != minilm.identity
    a, b = rough.embed(TEXTS), minilm.embed(TEXTS)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert cosine.min() > 0.99


def test_models_are_loaded_once_per_process(minilm):
    # Two fresh ones: the session's may have made room for the models of other tests since.
    one, other = (load_embedder(MINILM, pooling=pooling) for pooling in ("mean", "first"))
    assert one.loaded is other.loaded


def test_its_own_pooler_is_found(minilm):
    weights, biases = minilm.pooler
    assert weights.shape == (384, 384) and biases.shape == (384,)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("/no/such/folder", r"no config\.json in /no/such/folder; nothing was substituted"),
        ("package:no_such_package/model", "the package no_such_package is not installed"),
        ("nobody/no-such-model", "model nobody/no-such-model cannot be had as safetensors; nothing was substituted"),
    ],
)
def test_a_model_that_cannot_be_had_is_a_config_error(name, message, monkeypatch):
    pytest.importorskip("transformers")
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ConfigError, match=message):
        load_embedder(name)


def test_more_tokens_than_the_model_reads_is_a_config_error(minilm):
    with pytest.raises(ConfigError, match="max_tokens: 1024, but it reads at most 512"):
        load_embedder(MINILM, max_tokens=1024)


def test_hidden_layers_are_those_of_plain_transformers_and_later_ones_are_not_computed(minilm):
    import torch

    model, tokenizer = minilm.loaded.model, minilm.loaded.tokenizer
    with torch.inference_mode():
        hidden = model(**tokenizer(TEXTS[4], return_tensors="pt"), output_hidden_states=True).hidden_states
    mine = load_embedder(MINILM, max_tokens=128, layers=[4, 0, 6], precision="fp32")
    expected = np.concatenate([hidden[layer][0].numpy().mean(0) for layer in (4, 0, 6)])
    np.testing.assert_allclose(mine.embed(TEXTS[4:5])[0], expected, atol=1e-5)
    assert np.array_equal(mine.embed(TEXTS)[:, -384:], minilm.embed(TEXTS))
    assert mine.embed([]).shape == (0, 3 * 384)

    entered = []
    last = model.encoder.layer[5].register_forward_pre_hook(lambda *_: entered.append(1))
    try:
        both = load_embedder(MINILM, max_tokens=128, layers=[4, 5], precision="fp32").embed(TEXTS)
    finally:
        last.remove()
    assert not entered and both.shape == (7, 768)
    assert np.array_equal(both[:, :384], mine.embed(TEXTS)[:, :384])


def test_windows_are_averaged_by_length(minilm):
    words = " ".join(f"number {n} is {'even' if n % 2 else 'odd'}" for n in range(70))  # 3 windows of 128
    mine = load_embedder(MINILM, max_tokens=128, windows=2, precision="fp32")
    tokenizer = minilm.loaded.tokenizer
    ids = tokenizer(words, add_special_tokens=False)["input_ids"]
    assert len(ids) > 252
    parts = [minilm.embed([tokenizer.decode(ids[start : start + 126])])[0] for start in (0, 126)]
    np.testing.assert_allclose(mine.embed([words])[0], np.mean(parts, axis=0), atol=1e-5)
    assert np.array_equal(mine.embed(["short", ""]), minilm.embed(["short", ""]))
    np.testing.assert_array_equal(mine.embed([words, *TEXTS])[1:], mine.embed(TEXTS))
    blank = " " * 2_000_000 + words
    assert np.array_equal(mine.embed([blank]), mine.embed([words]))
    unit = load_embedder(MINILM, max_tokens=128, windows=3, normalize=True, precision="fp32").embed([words, "x"])
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), 1, atol=1e-6)


def test_characters_beyond_the_most_are_not_read(minilm):
    mine = load_embedder(MINILM, max_tokens=128, max_characters=11, precision="fp32")
    assert np.array_equal(mine.embed(["theorem one two"]), minilm.embed(["theorem one"]))


def test_what_is_not_asked_for_is_not_named(minilm):
    asked = load_embedder(MINILM, max_tokens=128, layers=[4, 5], windows=3, max_characters=9, precision="fp32").identity
    assert asked == minilm.identity | {"layers": [4, 5], "windows": 3, "max_characters": 9}
    assert not {"layers", "windows", "max_characters"} & set(minilm.identity)


def test_a_layer_that_the_model_has_not_is_a_config_error():
    with pytest.raises(ConfigError, match=r"layers: \[4, 7\], but the embedder has layers 0 to 6"):
        load_embedder(MINILM, layers=[4, 7])


def test_the_gpu_path_gives_the_vectors_of_the_cpu_path(minilm):
    """Run on the CPU: batches of any size, masks only where needed, a copy of the model."""
    texts = ["Solve 2x + 3 = 11. " * n for n in (40, 1, 3, 40, 200, 200)] + ["", "a"]
    windows = minilm.tokeniser.read(texts).windows()
    rows = minilm._gpu_rows(windows, "cpu")
    assert np.abs(rows - minilm.embed(texts)).max() < 1e-5
    assert minilm._on_gpu[1] is not minilm.loaded.model
    minilm.release()
    assert minilm._on_gpu is None


def test_layers_are_read_on_the_gpu_path_too(minilm):
    other = load_embedder(MINILM, pooling="mean", max_tokens=64, layers=[2, 3], windows=2, precision="fp32")
    texts = ["Solve 2x + 3 = 11. " * n for n in (40, 1)]
    tokens = other.tokeniser.read(texts)
    by_gpu = averaged(other._gpu_rows(tokens.windows(), "cpu"), tokens, normalize=False)
    assert np.abs(by_gpu - other.embed(texts)).max() < 1e-5
    bf16 = load_embedder(MINILM, pooling="mean", max_tokens=64, precision="bf16")
    rows = bf16._gpu_rows(bf16.tokeniser.read(texts).windows(), "cpu")
    assert rows.dtype == np.float32 and np.abs(rows - bf16.embed(texts)).max() < 0.02


def test_embedding_from_tokens_made_elsewhere_is_the_same(minilm):
    texts = ["one text", "", "another " * 300]
    reader = pickle.loads(pickle.dumps(minilm.tokeniser))
    parts = [reader.read(texts[:1]), reader.read(texts[1:])]
    assert np.array_equal(minilm.embed_tokens(Tokens.joined(parts)), minilm.embed(texts))


def test_as_many_batches_at_once_as_torch_has_threads(minilm, monkeypatch):
    import torch

    from curation.classify import embedder

    asked = []

    def pool(number):
        asked.append(number)
        return ThreadPoolExecutor(number)

    monkeypatch.setattr(embedder, "ThreadPoolExecutor", pool)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        minilm.embed(["a text"])
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert asked == [3]


def test_batches_are_halved_where_memory_does_not_hold_them(minilm, monkeypatch):
    import torch

    from curation.classify import embedder

    small = embedder.load_embedder(MINILM, pooling="mean", max_tokens=64, precision="fp32")
    forward, sizes = small._forward, []

    def fits_only(most):
        def tried(model, layers, tokens, mask, *, needs_mask=True):
            sizes.append(tokens.numel())
            if tokens.numel() > most:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return forward(model, layers, tokens, mask, needs_mask=needs_mask)

        return tried

    monkeypatch.setattr(embedder, "LEAST_TOKENS", 256)
    small._most_tokens = 4096
    windows = small.tokeniser.read(["theorem " * 80] * 60).windows()
    monkeypatch.setattr(small, "_forward", fits_only(1500))
    assert small._gpu_rows(windows, "cpu").shape == (60, 384)
    assert sizes[:2] == [3840, 2048] and max(sizes[2:]) == small._most_tokens == 1024
    monkeypatch.setattr(small, "_forward", fits_only(0))
    with pytest.raises(torch.OutOfMemoryError):
        small._gpu_rows(windows[:3], "cpu")
    assert small._most_tokens == 256


def test_on_a_gpu_weights_are_halves_and_buffers_are_not(minilm):
    """Rounded to bf16, the frequencies of a rotary embedding are other frequencies."""
    import torch

    bf16 = load_embedder(MINILM, pooling="mean", max_tokens=64, precision="bf16")
    bf16.loaded.model.register_buffer("frequencies", torch.arange(1000) + 0.5)
    try:
        model, _ = bf16._moved("cpu")
    finally:
        del bf16.loaded.model._buffers["frequencies"]
    assert {one.dtype for one in model.parameters()} == {torch.bfloat16}
    assert model.frequencies.dtype == torch.float32 and float(model.frequencies[999]) == 999.5
    assert {one.dtype for one in bf16.loaded.model.parameters()} == {torch.float32}
