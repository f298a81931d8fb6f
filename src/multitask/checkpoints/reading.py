"""Reading a checkpoint, or explaining in one sentence why the file is not one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from multitask import errors
from multitask.checkpoints.integrity import damage
from multitask.errors import InputError, bad_input

REFUSED = re.compile(r"(?:GLOBAL|class|function|import of module) [`']?([A-Za-z_][\w.]*)")
"""How torch's errors name what a checkpoint tries to build or call."""
ENDING = ".ckpt"
OF_PARSER = 'Parser key "'
TYPE = re.compile(r"<class '(?:\w+\.)*(\w+)'>")


def read_checkpoint(path: Path, **options: Any) -> dict[str, Any]:
    """Load a checkpoint's plain content on the CPU.

    Args:
        path: path of the file.
        options: options of ``torch.load``.

    Raises:
        InputError: if the file is missing, damaged or not a checkpoint.
    """
    if path.is_file() and (reason := damage(path)) is not None:
        raise InputError(f"the file is damaged, or is not a checkpoint: {reason}{_instead(path)}")
    with explained():
        content = torch.load(path, map_location="cpu", weights_only=True, **options)
    check_content(content)
    return content


def check_content(content: Any) -> None:
    """Refuse a file that is not a checkpoint of a run.

    Raises:
        InputError: naming what it lacks.
    """
    if not isinstance(content, dict) or "state_dict" not in content:
        raise InputError("the file is not a checkpoint of a run: it has no state_dict")
    state = content["state_dict"]
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise InputError("the file is not a checkpoint of a run: its state_dict has no names")


@contextmanager
def explained(what: str = "the file cannot be read as a checkpoint") -> Iterator[None]:
    """Turn any error that a checkpoint causes in torch or Lightning into one sentence.

    The content of the file determines the error, so any type is possible. Torch's advice to read it
    with ``weights_only=False`` would let an untrusted file run code.

    Args:
        what: what failed, to begin the sentence with.

    Raises:
        InputError: for any error except those in the user's own code, where the traceback is
            needed.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise InputError("there is no such checkpoint") from error
    except Exception as error:
        if (found := bad_input(error)) is not None:
            raise found from None
        if errors.is_in_own_code(error):
            raise
        raise InputError(f"{what} ({reason_of(error)})") from error


def reason_of(error: Exception) -> str:
    """Explain why a checkpoint could not be used, without dangerous advice."""
    text = str(error)
    if "eights only load failed" in text or "weights_only" in text:
        named = REFUSED.search(text)
        holds = f"it contains an object of {named[1]}" if named else "it cannot be understood"
        return f"{holds}; only numbers, texts, tensors and lists of them are read"
    if "allowlist of trusted instantiators" in text:
        return "it names its own function to be built with"
    if "PytorchStreamReader" in text:
        return "it is incomplete"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    _, is_of_parser, inner = text.rpartition(OF_PARSER)
    if is_of_parser:
        # Each outer parser repeats the message of the inner one.
        key, _, reason = inner.partition('":')
        return TYPE.sub(r"\1", f"{key} is wrong: {reason.partition('. Got')[0].strip()}")
    return errors.reason_of(error)


def _instead(path: Path) -> str:
    if path.suffix != ENDING:
        return ""
    others = sorted(path.parent.glob(f"*{ENDING}"), key=lambda each: each.stat().st_mtime)
    whole = [each for each in others if each != path and damage(each) is None]
    return f"; {whole[-1]}, beside it, is not damaged" if whole else ""
