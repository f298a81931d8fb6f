"""A tokenizer beside an exported model, for programs that have to make the same tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from multitask.checkpoints.recipe import recipe
from multitask.tokenizers import END, Tokenizer, Written

TOLD = "multitask_tokenizer.json"
"""In the folder: what the tokenizer is, how it works, and examples."""
FORMAT = 1
EXAMPLES: tuple[Written, ...] = (
    None,
    "A good film, isn't it?",
    "Größe: 10 µm\tçok İYİ",
    "東京へ 行く。 🙂",
    ["Is it a question?", "It is."],
)
"""Texts by whose tokens another program can see whether it does the same."""


def tokenizer_folder(file: Path, name: str) -> Path:
    """Where the tokenizer of an input lies.

    Args:
        file: the exported model, such as ``best.onnx``.
        name: of the input, such as ``text``.

    Returns:
        Such as ``best_text_tokenizer``, beside the file.
    """
    return file.with_name(f"{file.stem}_{name}_tokenizer")


def write_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write ``multitask_tokenizer.json``, and the files of the tokenizer's own if it has any.

    The JSON has ``tokenizer`` (the class and its settings), ``length`` (the most tokens of a text),
    ``vocabulary``, the numbers ``beginning``, ``separator`` and ``mask``, ``end`` (what fills the
    places behind a text), ``rule`` (in words, how to make tokens), ``files``, and ``examples``:
    texts, or lists of two that belong together, and their ``tokens``.

    Args:
        tokenizer: of a text input.
        folder: where the files go; it is not there yet.
    """
    folder.mkdir()
    files = tokenizer.files()
    for name, content in files.items():
        # A name of anybody's checkpoint leads nowhere else.
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
