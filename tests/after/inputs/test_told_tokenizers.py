"""Tokenizers that travel with a checkpoint."""

from __future__ import annotations

from pathlib import Path
from shutil import rmtree

import pytest
import torch
from after.written_models import text_told
from tiny_tokenizers import bert_tokenizer

from multitask.after.inputs.told_inputs import told_inputs
from multitask.after.inputs.written_text import WrittenText
from multitask.errors import InputError
from multitask.tables.input_columns import InputColumns
from multitask.tokenizers import HuggingFace
from multitask.training.description import TEXT, written_told


def test_files_of_a_tokenizer_are_all_that_it_needs(tmp_path: Path) -> None:
    tokenizer = HuggingFace(str(bert_tokenizer(tmp_path / "tokenizer")), 8)
    told = written_told(InputColumns(column=["title", "text"], tokenizer=tokenizer))
    assert told["kind"] == TEXT
    assert "files" not in told["tokenizer"]["init_args"]
    rmtree(tmp_path / "tokenizer")
    # A stranger's file: it reads no other.
    found = told_inputs({"text": told}, "best.ckpt", False)["text"]
    assert isinstance(found, WrittenText)
    cells = {"title": ["not bad", None], "text": ["really good", None]}
    made = found.made(cells)
    assert torch.equal(made.values, tokenizer([("not bad", "really good"), None]).tokens)
    assert made.missing.tolist() == [False, True]
    assert int(found.examples().max()) == tokenizer.vocabulary - 1


def test_a_strangers_tokenizer_reads_no_folder_of_this_machine(tmp_path: Path) -> None:
    folder = bert_tokenizer(tmp_path / "tokenizer")
    told = {"text": {**written_told(InputColumns("text", tokenizer=HuggingFace(str(folder), 8)))}}
    told["text"]["files"] = {}
    with pytest.raises(InputError, match="in a file that nobody has vouched for"):
        told_inputs(told, "best.ckpt", False)
    assert "text" in told_inputs(told, "best.ckpt", True)


def test_a_recipe_is_not_changed() -> None:
    told = {"text": {**text_told(), "files": {}}}
    before = repr(told)
    told_inputs(told, "best.ckpt", False)
    assert repr(told) == before
