"""Text models of Hugging Face as files, which predict what the models do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from after.text_models import told_text, written
from tiny_hugging_face import KINDS, VOCABULARY
from tiny_tokenizers import bert_tokenizer
from transformers import AutoTokenizer

from multitask.after.exporting.export import export
from multitask.after.exporting.onnx_model import OnnxModel
from multitask.encoders import HuggingFace, LowRank
from multitask.tokenizers import HuggingFace as Tokenizer

TEXTS = ["", "good", "the movie was not good at all", None, "the movie " * 9]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_an_onnx_file_predicts_what_the_model_does(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    tokenizer = Tokenizer(str(bert_tokenizer(tmp_path / "tokenizer")), 12)
    config = {"model_type": kind, "vocab_size": VOCABULARY, **KINDS[kind]}
    config[{"bert": "num_hidden_layers", "gpt2": "n_layer"}[kind]] = 1
    encoder = HuggingFace("none", pretrained=False, config=config)
    changed = LowRank(encoder, 2) if kind == "gpt2" else encoder
    model = written(changed, {"text": told_text(tokenizer)})
    done = export(model, "onnx", tmp_path / "model.onnx")
    assert done.difference < 5e-5
    run, tokens = OnnxModel(done.path), tokenizer(TEXTS).tokens
    for text in (tokens, tokens[:1, :1], tokens[1:3, :9]):
        found, right = run({"text": text.numpy()}), model({"text": text})
        for name, each in right.items():
            np.testing.assert_allclose(found[name], each.numpy(), rtol=1e-4, atol=1e-5)
    # Another program makes the same tokens by the files beside the model.
    (folder,) = done.tokenizers
    theirs = AutoTokenizer.from_pretrained(folder)(TEXTS[2])["input_ids"]
    assert theirs == [each for each in tokens[2].tolist() if each >= 0]
