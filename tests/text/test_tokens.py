import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from curation.errors import ConfigError
from curation.text.tokens import load_token_counter


@pytest.fixture
def folder(tmp_path):
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "two": 2, "plus": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A", special_tokens=[("[CLS]", 1)])
    tokenizer.enable_truncation(4)
    tokenizer.enable_padding(length=16)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path


def test_tokens_are_counted_without_special_tokens_padding_or_truncation(folder):
    for location in (folder, folder / "tokenizer.json"):
        counter = load_token_counter(str(location))
        assert counter.name == str(location)
        assert counter.count(["two plus two", "", "two " * 50]) == [3, 0, 50]
        assert counter.count([]) == []


def test_a_tokenizer_that_cannot_be_had_is_an_error_and_nothing_else_is_taken(tmp_path, monkeypatch):
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    for location in (tmp_path / "absent", tmp_path, broken):
        with pytest.raises(ConfigError, match="nothing was substituted") as raised:
            load_token_counter(str(location))
        assert str(location) in str(raised.value)
    monkeypatch.setattr("curation.text.tokens.Tokenizer", Offline)
    with pytest.raises(ConfigError, match=r"nobody/nothing: cannot be loaded \(no network\); nothing was substituted"):
        load_token_counter("nobody/nothing")


class Offline:
    @staticmethod
    def from_pretrained(name):
        raise OSError("no\nnetwork")
