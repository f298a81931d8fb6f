"""Tokenizers of Hugging Face."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from tiny_tokenizers import bert_tokenizer, gpt2_tokenizer, t5_tokenizer
from transformers import AutoTokenizer

from multitask.checkpoints.recipe import recipe
from multitask.configuration.trust import known_imports_only
from multitask.errors import InputError
from multitask.missing_labels import is_missing
from multitask.tokenizers import HuggingFace

LENGTH = 8
MAKERS = {"bert": bert_tokenizer, "gpt2": gpt2_tokenizer, "t5": t5_tokenizer}
WRITTEN: list[Any] = [
    "The movie was good",
    "",
    None,
    "the movie was really really really bad, not good",
    ("not bad", "really good"),
    ("not bad at all", "really really really good"),
    (None, None),
]


@pytest.fixture(autouse=True)
def _without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {
        name: str(make(tmp_path_factory.mktemp(name) / "tokenizer"))
        for name, make in MAKERS.items()
    }


@pytest.mark.parametrize("name", MAKERS)
def test_batches_have_the_numbers_of_the_pieces(folders: dict[str, str], name: str) -> None:
    tokenizer = HuggingFace(folders[name], LENGTH)
    found = tokenizer(WRITTEN)
    assert found.tokens.dtype == torch.int32
    assert found.tokens.shape == (len(WRITTEN), LENGTH)
    for row, text in zip(found.tokens.tolist(), WRITTEN, strict=True):
        assert [each for each in row if each >= 0] == [e.number for e in tokenizer.pieces(text)]
        assert row[0] >= 0
    assert found.is_cut.tolist() == [False, False, False, True, False, True, False]
    assert found.is_empty.tolist() == [False, True, True, False, False, False, True]
    assert torch.equal(is_missing(found.tokens), found.is_empty)
    assert int(found.tokens.max()) < tokenizer.vocabulary


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_texts_and_pairs_get_what_the_library_gives_them(
    folders: dict[str, str], name: str
) -> None:
    theirs = AutoTokenizer.from_pretrained(folders[name])
    ours = HuggingFace(folders[name], LENGTH)
    for text in ("the movie was really bad at all, not good", ("not bad at all", "was good bad")):
        given = (text,) if isinstance(text, str) else text
        wanted = theirs(*given, truncation=True, max_length=LENGTH)["input_ids"]
        assert [each.number for each in ours.pieces(text)] == wanted


def test_a_model_without_special_tokens_gets_what_stands_between_texts(
    folders: dict[str, str],
) -> None:
    theirs = AutoTokenizer.from_pretrained(folders["gpt2"])
    ours = HuggingFace(folders["gpt2"], LENGTH)
    between = theirs.bos_token_id
    assert ours.beginning == ours.separator == between
    numbers = [each.number for each in ours.pieces(("not", "good"))]
    parts = [theirs(each)["input_ids"] for each in ("not", "good")]
    assert numbers == [between, *parts[0], between, *parts[1]]


def test_a_piece_knows_its_characters_and_its_part(folders: dict[str, str]) -> None:
    for name in MAKERS:
        found = HuggingFace(folders[name], LENGTH).pieces(("not bad", "was good"))
        own = [each for each in found if each.start >= 0]
        texts = dict.fromkeys((0, 1), "")
        for each in own:
            texts[each.part] += ("not bad", "was good")[each.part][each.start : each.end]
        assert texts == {0: "notbad", 1: "wasgood"}, name


def test_special_tokens_may_have_any_number(folders: dict[str, str]) -> None:
    wanted = {"bert": [2, 3], "gpt2": [0], "t5": [1]}
    for name, numbers in wanted.items():
        tokenizer = HuggingFace(folders[name], LENGTH)
        tokens = tokenizer(["the movie was unheard-of"]).tokens
        assert tokens[tokenizer.is_special(tokens)].unique().tolist() == numbers
    assert HuggingFace(folders["bert"], LENGTH).mask == 4
    assert HuggingFace(folders["gpt2"], LENGTH).mask is None


@pytest.mark.parametrize("name", MAKERS)
def test_its_recipe_needs_no_folder(name: str, tmp_path: Path) -> None:
    folder = MAKERS[name](tmp_path / "gone")
    tokenizer = HuggingFace(str(folder), LENGTH)
    wanted, told = tokenizer(WRITTEN), recipe(tokenizer)
    rmtree(folder)
    with known_imports_only():
        again = HuggingFace(**told["init_args"])
    for each in (again, pickle.loads(pickle.dumps(tokenizer))):
        assert torch.equal(each(WRITTEN).tokens, wanted.tokens)
        assert each.files() == tokenizer.files()


def test_its_files_are_those_that_the_library_reads(
    folders: dict[str, str], tmp_path: Path
) -> None:
    for name, text in HuggingFace(folders["bert"], LENGTH).files().items():
        (tmp_path / name).write_text(text)
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    assert theirs("not bad")["input_ids"] == theirs("not  bad")["input_ids"]
    assert theirs.mask_token_id == 4


CRASHES = {"type": "Precompiled", "precompiled_charsmap": ""}
TOO_LARGE = {"type": "WordLevel", "unk_token": "a", "vocab": {"a": 0, "b": 2**32 - 1}}


def _changed(folder: str, **rules: Any) -> HuggingFace:
    """A tokenizer with other rules than those of a folder."""
    files = HuggingFace(folder, LENGTH).files()
    rules = {**json.loads(files["tokenizer.json"]), **rules}
    return HuggingFace("x", LENGTH, {**files, "tokenizer.json": json.dumps(rules)})


def _of_a_stranger(folder: str) -> HuggingFace:
    with known_imports_only():
        return HuggingFace(folder)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: HuggingFace(""), "name is empty"),
        (lambda folder: HuggingFace("/no/such/folder"), "there is no folder '/no/such/folder'"),
        (lambda folder: HuggingFace("no-such/model"), "tokenizer of 'no-such/model' .*network"),
        (lambda folder: HuggingFace(folder, 1), "length is 1; give at least 2"),
        (lambda folder: HuggingFace(folder, 2), "length is 2, but each text gets 2 special tokens"),
        (lambda folder: HuggingFace(folder, 4).pieces(("a", "b")), "a pair of texts gets 3"),
        (lambda folder: HuggingFace(folder).pieces(("a", "b", "c")), "a text has 3 parts"),
        (lambda folder: HuggingFace("x", files={}), "files has no tokenizer.json"),
        (lambda folder: HuggingFace("x", files={"tokenizer.json": "{"}), "is not a tokenizer"),
        (
            lambda folder: _changed(folder, normalizer=CRASHES),
            "cannot apply .*tokenizer.json",
        ),
        (
            lambda folder: _changed(folder, model=TOO_LARGE),
            "the token 4294967295, which does not fit in 32",
        ),
        (_of_a_stranger, "the tokenizer of the model .* is requested .*confirm that you trust it"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    folders: dict[str, str], make: Callable[[str], Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        make(folders["bert"])


def test_half_a_character_is_an_unknown_one(folders: dict[str, str]) -> None:
    found = HuggingFace(folders["bert"], LENGTH)
    assert found.pieces("a \ud800 b") == found.pieces("a \ufffd b")
    assert found(["\ud800 not"]).tokens.shape == (1, LENGTH)


def test_a_text_has_the_same_tokens_each_time(folders: dict[str, str]) -> None:
    vocabulary = {each: number for number, each in enumerate(["a", "b", "ab", "abab"])}
    model = {"type": "BPE", "dropout": 0.5, "vocab": vocabulary, "merges": ["a b", "ab ab"]}
    found = _changed(folders["bert"], model=model, post_processor=None, added_tokens=[])
    assert {len(found.tokens_of("abab")) for _ in range(20)} == {1}


def test_a_model_that_takes_fewer_tokens(tmp_path: Path) -> None:
    folder = bert_tokenizer(tmp_path, model_max_length=16)
    with pytest.raises(InputError, match="length is 17, but the model .* at most 16 tokens"):
        HuggingFace(str(folder), 17)


def test_code_that_comes_with_a_tokenizer_is_not_run(tmp_path: Path) -> None:
    folder = bert_tokenizer(tmp_path / "evil")
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    settings = folder / "tokenizer_config.json"
    settings.write_text(
        settings.read_text()
        .replace('"TokenizersBackend"', '"Evil"')
        .replace("{", '{"auto_map": {"AutoTokenizer": [null, "evil.Evil"]},', 1)
    )
    with pytest.raises(InputError, match="the tokenizer of .* cannot be loaded"):
        HuggingFace(str(folder))
    assert not (tmp_path / "ran").exists()
