"""Tokenizers, which turn texts into the token numbers that an encoder accepts."""

from multitask.tokenizers.base import Piece, Tokenized, Tokenizer, Written
from multitask.tokenizers.bytes import Bytes
from multitask.tokenizers.hashed_words import HashedWords
from multitask.tokenizers.hiding import Specials, chosen_tokens, own_tokens
from multitask.tokenizers.hugging_face import HuggingFace
from multitask.tokenizers.text_batch import END, cut_to_longest, is_text, text_mask

__all__ = [
    "END",
    "Bytes",
    "HashedWords",
    "HuggingFace",
    "Piece",
    "Specials",
    "Tokenized",
    "Tokenizer",
    "Written",
    "chosen_tokens",
    "cut_to_longest",
    "is_text",
    "own_tokens",
    "text_mask",
]
