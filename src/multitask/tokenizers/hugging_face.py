"""Tokenizers of pretrained models from Hugging Face."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from multitask.checkpoints.hugging_face import asking, library, way_to_ask
from multitask.errors import InputError
from multitask.tokenizers.base import MOST_TOKENS, Piece, Tokenized, Tokenizer, Written
from multitask.tokenizers.text_batch import END

OWNER = "tokenizers.HuggingFace"
RULES, SETTINGS = "tokenizer.json", "tokenizer_config.json"
"""Files that define a tokenizer: its rules, its tokens, and the roles of special tokens."""

HALVES = re.compile(r"[\ud800-\udfff]")


@contextmanager
def _usable_rules() -> Iterator[None]:
    """Raise an `InputError` if the library cannot apply the rules."""
    try:
        yield
    except InputError:
        raise
    except BaseException as error:
        # The library's own failures, which do not derive from `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise InputError(
            f"{OWNER}: the library cannot apply the file {RULES} ({error}); use another"
        ) from error


class HuggingFace(Tokenizer):
    """The tokenizer of a Hugging Face model, for `multitask.encoders.HuggingFace` of that name.

    A text, or a pair of texts, gets the special tokens that the model was trained with, such as
    ``[CLS]`` at the start and ``[SEP]`` at the end, which are kept if it is cut. If the model has
    none, like GPT-2 and Qwen, its separator token is put in front of each text, because such a
    model has seen this in training. A missing or empty text is the first token alone. T5 has no
    start token; its first place holds the first token of the text.

    The tokenizer's files are stored in the checkpoint, which then needs no other file.

    Args:
        name: name of the model on the Hugging Face hub, such as ``distilbert-base-uncased``, from
            which the files are downloaded once; or the path of a folder.
        length: most tokens per text, including special tokens; at most what the model accepts.
        files: contents of the files by name, as returned by `files`, used instead of those of
            ``name``; set by checkpoints.

    Raises:
        InputError: if there is no such tokenizer, a setting is invalid, or the package tokenizers
            is not installed: ``pip install 'multitask[text]'``.
    """

    tells_more = True
    specials = 0
    """Special tokens may have any number: see `is_special`."""

    def __init__(self, name: str, length: int = 128, files: dict[str, str] | None = None) -> None:
        super().__init__(length)
        given = files if files is not None else _files_of(name)
        # An object built from this one's recipe needs no other file.
        self._arguments["files"] = given
        self.name, self._files = name, dict(given)
        self._start()

    @_usable_rules()
    def _start(self) -> None:
        settings = _settings(self._files)
        self._backend = _backend(self._files)
        self._backend.no_padding()
        self._backend.no_truncation()
        if getattr(self._backend.model, "dropout", None):
            # A text must have the same tokens each time.
            self._backend.model.dropout = None
        named = {key: _number(self._backend, settings.get(f"{key}_token")) for key in TOKENS}
        self.mask = named["mask"]
        between = next((named[key] for key in BETWEEN if named[key] is not None), None)
        example = self._backend.encode("a")
        if not any(example.special_tokens_mask) and between is not None:
            _put_in_front(self._backend, between)
            example = self._backend.encode("a")
        first = (*zip(example.ids, example.special_tokens_mask, strict=True), (0, 0))[0]
        self.beginning = first[0] if first[1] else None
        self.separator = named["sep"] if named["sep"] is not None else between
        numbers = self._backend.get_vocab(with_added_tokens=True).values()
        self._vocabulary = max(numbers, default=0) + 1
        if self._vocabulary > MOST_TOKENS:
            raise InputError(
                f"{OWNER}: the file {RULES} has the token {self._vocabulary - 1}, which "
                "does not fit in 32 bits; use another"
            )
        # An unknown word stands for its characters.
        unknown = _number(self._backend, settings.get("unk_token"))
        special = {*_special_numbers(self._backend) - {unknown}, *named.values(), self.beginning}
        self._special = [each for each in special if each is not None]
        self._check_length(settings.get("model_max_length"))
        self._backend.enable_truncation(self.length)

    def _check_length(self, most: Any) -> None:
        if isinstance(most, int | float) and self.length > most:
            raise InputError(
                f"{OWNER}: length is {self.length}, but the model '{self.name}' accepts at most "
                f"{int(most)} tokens; set it to {int(most)} or less"
            )
        needed = self._backend.num_special_tokens_to_add(False)
        if self.length <= needed:
            raise InputError(
                f"{OWNER}: length is {self.length}, but each text gets {needed} special tokens; "
                f"give more than {needed}"
            )

    @property
    def vocabulary(self) -> int:
        return self._vocabulary

    def is_special(self, tokens: Tensor) -> Tensor:
        return torch.isin(tokens, torch.tensor(self._special, dtype=tokens.dtype))

    @_usable_rules()
    def tokens_of(self, text: str) -> Sequence[tuple[int, int, int]]:
        found = self._backend.encode(_whole(text), add_special_tokens=False)
        return [
            (number, *_trimmed(text, *at))
            for number, at in zip(found.ids, found.offsets, strict=True)
        ]

    @_usable_rules()
    def pieces(self, text: Written) -> list[Piece]:
        parts = self._parts(text)
        found = self._backend.encode(*parts)
        if all(found.special_tokens_mask):
            return [Piece(found.ids[0] if found.ids else 0)]
        tokens = zip(
            found.ids, found.offsets, found.sequence_ids, found.special_tokens_mask, strict=True
        )
        return [
            Piece(number)
            if is_special or part is None
            else Piece(number, *_trimmed(parts[part], *at), part)
            for number, at, part, is_special in tokens
        ][: self.length]

    @_usable_rules()
    def __call__(self, texts: Sequence[Written]) -> Tokenized:
        parts = [self._parts(each) for each in texts]
        # The library expects pairs as tuples, and a single text as a string.
        given = [each if len(each) == 2 else each[0] for each in parts]
        encoded = self._backend.encode_batch_fast(given)
        found = torch.full((len(texts), self.length), END, dtype=torch.int32)
        is_empty = torch.tensor([all(each.special_tokens_mask) for each in encoded]).bool()
        is_cut = torch.tensor([bool(each.overflowing) for each in encoded]).bool()
        for place, each in enumerate(encoded):
            numbers = (each.ids[:1] or [0]) if is_empty[place] else each.ids[: self.length]
            found[place, : len(numbers)] = torch.tensor(numbers, dtype=torch.int32)
        return Tokenized(found, is_cut, is_empty)

    def files(self) -> dict[str, str]:
        return dict(self._files)

    def _parts(self, text: Written) -> tuple[str, ...]:
        given = (text,) if isinstance(text, str) else text or ("",)
        parts = tuple(_whole(each or "") for each in given)
        if len(parts) > 2:
            raise InputError(
                f"{OWNER}: a text has {len(parts)} parts, but such tokenizers accept one or two; "
                "join some of them"
            )
        needed = self._backend.num_special_tokens_to_add(True)
        if len(parts) == 2 and self.length <= needed + 1:
            raise InputError(
                f"{OWNER}: length is {self.length}, but a pair of texts gets {needed} special "
                f"tokens; give more than {needed + 1}"
            )
        return parts

    def __getstate__(self) -> dict[str, Any]:
        # Loader processes rebuild the library's object from the files.
        return {key: each for key, each in vars(self).items() if key != "_backend"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start()


TOKENS = ("cls", "bos", "eos", "pad", "sep", "mask")
BETWEEN = ("bos", "eos", "pad", "cls", "sep")
"""Candidates for the separator between texts in a model's training, most likely first."""


def _files_of(name: str) -> dict[str, str]:
    """Return the files of a named tokenizer, as the library writes them for any kind."""
    way = way_to_ask(name, OWNER, "tokenizer")
    transformers = library("transformers", OWNER)
    with asking(name, OWNER, "tokenizer"):
        found = transformers.AutoTokenizer.from_pretrained(name, **way)
        if not found.is_fast:
            raise InputError(
                f"{OWNER}: the tokenizer of '{name}' is written in Python, which cannot be stored "
                "in a checkpoint; choose a model with a tokenizer.json"
            )
        with TemporaryDirectory() as folder:
            found.save_pretrained(folder)
            return {each: (Path(folder) / each).read_text("utf-8") for each in (RULES, SETTINGS)}


def _settings(files: Mapping[str, str]) -> dict[str, Any]:
    try:
        found = json.loads(files.get(SETTINGS, "{}"))
    except ValueError as error:
        raise InputError(f"{OWNER}: the file {SETTINGS} is not JSON ({error})") from error
    return found if isinstance(found, dict) else {}


def _backend(files: Mapping[str, str]) -> Any:
    tokenizers = library("tokenizers", OWNER)
    if RULES not in files:
        raise InputError(
            f"{OWNER}: files has no {RULES}; remove files, or give what files() returned"
        )
    try:
        return tokenizers.Tokenizer.from_str(files[RULES])
    except Exception as error:
        raise InputError(f"{OWNER}: the file {RULES} is not a tokenizer ({error})") from error


def _number(backend: Any, token: Any) -> int | None:
    """Find the number of a token that settings name, either as text or as a dictionary."""
    text = token.get("content") if isinstance(token, Mapping) else token
    return backend.token_to_id(text) if isinstance(text, str) else None


def _special_numbers(backend: Any) -> set[int]:
    added = backend.get_added_tokens_decoder()
    return {number for number, token in added.items() if token.special}


def _put_in_front(backend: Any, number: int) -> None:
    """Put a token in front of each text, and of the second of two."""
    processors = library("tokenizers.processors", OWNER)
    token = backend.id_to_token(number)
    # By type numbers, because token texts may contain special characters of the template.
    template = processors.TemplateProcessing(
        single=["<0>", "$A"],
        pair=["<0>", "$A", "<0>", "$B:1"],
        special_tokens=[{"id": "<0>", "ids": [number], "tokens": [token]}],
    )
    before = backend.post_processor
    backend.post_processor = template if before is None else processors.Sequence([before, template])


def _whole(text: str) -> str:
    """Replace lone surrogates, which JSON may contain and the library does not accept."""
    return HALVES.sub("\N{REPLACEMENT CHARACTER}", text)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Exclude the space in front of a word, which many tokenizers include in the token."""
    while start < end and text[start].isspace():
        start += 1
    return start, end
