"""A Llama small enough for a CPU in a test: random weights, a tokenizer trained on the spot, a chat template.

    python tests/services/tiny_model.py FOLDER

vLLM's attention wants heads of at least 32; the context is longer than the prompts of the library need.
"""

import json
import sys
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

ROOT = Path(__file__).resolve().parents[2]
HIDDEN, HEADS, LAYERS, FEED_FORWARD, VOCABULARY, CONTEXT = 128, 4, 2, 256, 1200, 4096
SPECIAL = ["<s>", "</s>", "<pad>"]
CHAT = (
    "{{ '<s>' }}{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def build(folder):
    """Write the model into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    size = _tokenizer(folder)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": HIDDEN,
        "intermediate_size": FEED_FORWARD, "num_attention_heads": HEADS, "num_key_value_heads": HEADS,
        "num_hidden_layers": LAYERS, "max_position_embeddings": CONTEXT, "vocab_size": size, "rms_norm_eps": 1e-5,
        "rope_theta": 10000.0, "tie_word_embeddings": False, "torch_dtype": "float32", "bos_token_id": 0,
        "eos_token_id": 1, "pad_token_id": 2,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    save_file(_weights(size), folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def _tokenizer(folder):
    """A byte-level BPE of the words of our own prompts; how many tokens it has."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    texts = [path.read_text() for path in sorted((ROOT / "prompts").glob("*.md"))] + [(ROOT / "README.md").read_text()]
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>",
        "model_max_length": CONTEXT, "chat_template": CHAT, "clean_up_tokenization_spaces": False,
    }  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return tokenizer.get_vocab_size()


def _weights(size):
    random = np.random.default_rng(0)

    def matrix(rows, columns, scale=0.08):
        return (random.standard_normal((rows, columns)) * scale).astype(np.float32)

    weights = {"model.embed_tokens.weight": matrix(size, HIDDEN, 1.0), "lm_head.weight": matrix(size, HIDDEN, 0.15)}
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        weights |= {f"{name}.self_attn.{one}_proj.weight": matrix(HIDDEN, HIDDEN) for one in "qkvo"}
        weights |= {f"{name}.mlp.{one}_proj.weight": matrix(FEED_FORWARD, HIDDEN) for one in ("gate", "up")}
        weights[f"{name}.mlp.down_proj.weight"] = matrix(HIDDEN, FEED_FORWARD)
        for one in ("input", "post_attention"):
            weights[f"{name}.{one}_layernorm.weight"] = np.ones(HIDDEN, np.float32)
    return weights | {"model.norm.weight": np.ones(HIDDEN, np.float32)}


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))
