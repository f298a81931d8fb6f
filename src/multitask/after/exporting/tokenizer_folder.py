"""A tokenizer beside an exported model, for programs that must produce the same tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from multitask.checkpoints.recipe import recipe
from multitask.tokenizers import END, Tokenizer, Written

TOLD = "multitask_tokenizer.json"
"""File in the folder with the tokenizer, its rule, and examples."""
FORMAT = 1
EXAMPLES: tuple[Written, ...] = (
    None,
    "A good film, isn't it?",
    "Größe: 10 µm\tçok İYİ",
    "東京へ 行く。 🙂",
    ["Is it a question?", "It is."],
)
"""Texts whose tokens let another program check its implementation."""


def tokenizer_folder(file: Path, name: str) -> Path:
    """The folder of the tokenizer of an input.

    Args:
        file: the exported model, such as ``best.onnx``.
        name: name of the input, such as ``text``.

    Returns:
        A path such as ``best_text_tokenizer``, beside the file.
    """
    return file.with_name(f"{file.stem}_{name}_tokenizer")


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``multitask_tokenizer.json``, and the tokenizer's own files if it has any.

    The JSON contains ``tokenizer`` (the class and its settings), ``length`` (the largest number of
    tokens in a text), ``vocabulary``, the token ids ``beginning``, ``separator`` and ``mask``,
    ``end`` (the padding after a text), ``rule`` (how to make tokens, in words), ``files``, and
    ``examples``: texts, or lists of two that belong together, with their ``tokens``.

    Args:
        tokenizer: tokenizer of a text input.
        folder: folder to create.
    """
    folder.mkdir()
    files = tokenizer.files()
    for name, content in files.items():
        # A file name in an untrusted checkpoint must not lead out of the folder.
        (folder / Path(name).name).write_text(content, encoding="utf-8")
    text = json.dumps(_told(tokenizer, files), indent=1, ensure_ascii=False)
    (folder / TOLD).write_text(f"{text}\n", encoding="utf-8")


def _told(tokenizer: Tokenizer, files: dict[str, str]) -> dict[str, Any]:
    made = recipe(tokenizer)
    made.get("init_args", {}).pop("files", None)
    examples = [
        {"text": each, "tokens": [number for number in row if number != END]}
        for each, row in zip(EXAMPLES, tokenizer(EXAMPLES).tokens.tolist(), strict=True)
    ]
    return {
        "format": FORMAT,
        "tokenizer": made,
        "length": tokenizer.length,
        "vocabulary": tokenizer.vocabulary,
        "beginning": tokenizer.beginning,
        "separator": tokenizer.separator,
        "mask": tokenizer.mask,
        "end": END,
        "rule": tokenizer.rule(),
        "files": sorted(Path(name).name for name in files),
        "examples": examples,
    }
