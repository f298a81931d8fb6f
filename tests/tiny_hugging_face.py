"""Models of Hugging Face with random weights, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModel
from transformers.utils import logging

VOCABULARY = 60
FEATURES = 16
PLACES = 12
LIKE_BERT = {
    "hidden_size": FEATURES,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
}
KINDS: dict[str, dict[str, Any]] = {
    "bert": {**LIKE_BERT, "max_position_embeddings": PLACES},
    # It counts places behind that of the padding, which is 1.
    "roberta": {**LIKE_BERT, "max_position_embeddings": PLACES + 2},
    "distilbert": {
        "dim": FEATURES,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 24,
        "max_position_embeddings": PLACES,
    },
    "gpt2": {
        "n_embd": FEATURES,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": PLACES,
        "bos_token_id": 0,
        "eos_token_id": 0,
    },
    "qwen3": {**LIKE_BERT, "num_key_value_heads": 1, "head_dim": 8},
    "t5": {"d_model": FEATURES, "d_kv": 8, "d_ff": 24, "num_layers": 2, "num_heads": 2},
    "xlnet": {"d_model": FEATURES, "n_layer": 2, "n_head": 2, "d_inner": 24},
}


def save_model(kind: str, folder: Path, **settings: Any) -> Path:
    """Write a model of random weights, as ``save_pretrained`` does."""
    logging.disable_progress_bar()
    torch.manual_seed(1)
    config = AutoConfig.for_model(kind, vocab_size=VOCABULARY, **{**KINDS[kind], **settings})
    AutoModel.from_config(config).save_pretrained(folder / kind)
    return folder / kind


def texts() -> Tensor:
    """Three texts: of five tokens, of three, and a missing one."""
    rows = [[2, 5, 6, 7, 59, -1], [2, 7, 6, -1, -1, -1], [2, -1, -1, -1, -1, -1]]
    return torch.tensor(rows, dtype=torch.int32)
