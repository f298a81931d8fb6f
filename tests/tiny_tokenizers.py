"""Tokenizers of Hugging Face, trained on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

TEXTS = ["the movie was good", "the movie was bad , really bad", "not good at all"]


def bert_tokenizer(folder: Path, **settings: Any) -> Path:
    """Words and their parts, ``[CLS]`` (2) in front and ``[SEP]`` (3) behind, as BERT has it."""
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    made.train_from_iterator(
        TEXTS,
        trainers.WordPieceTrainer(vocab_size=60, special_tokens=specials, show_progress=False),
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return _saved(
        made, folder, {**{f"{key}_token": each for key, each in names.items()}, **settings}
    )


def gpt2_tokenizer(folder: Path) -> Path:
    """Parts of words with the space in front of them, and no special token, as GPT-2 has it."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    between = "<|endoftext|>"
    trainer = trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=[between],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    return _saved(made, folder, {"bos_token": between, "eos_token": between, "unk_token": between})


def t5_tokenizer(folder: Path) -> Path:
    """Words, ``</s>`` (1) behind and nothing in front, as T5 has it."""
    made = Tokenizer(models.WordLevel(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer: Any = trainers.WordLevelTrainer(
        special_tokens=["<pad>", "</s>", "<unk>"], show_progress=False
    )
    made.train_from_iterator(TEXTS, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return _saved(made, folder, {"pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"})


def _saved(made: Tokenizer, folder: Path, settings: dict[str, Any]) -> Path:
    PreTrainedTokenizerFast(tokenizer_object=made, **settings).save_pretrained(folder)
    return folder
