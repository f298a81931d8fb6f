"""Hugging Face models and tokenizers, by name or folder; their code is never run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from multitask.checkpoints.source import OWN
from multitask.configuration.trust import IS_STRANGERS, refuse_for_stranger
from multitask.errors import InputError

INSTALL = "pip install 'multitask[text]'"


def library(name: str, owner: str) -> Any:
    """Import a Hugging Face library, which is slow and not installed by default.

    Args:
        name: ``transformers`` or ``tokenizers``.
        owner: class that needs it, for messages.

    Raises:
        InputError: if it is not installed, with the command that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        missing = error.name or name
        raise InputError(
            f"{owner} needs the package {missing.partition('.')[0]}, which is not installed; "
            f"install it with: {INSTALL}"
        ) from error


def way_to_ask(name: str, owner: str, what: str) -> dict[str, Any]:
    """Return the arguments with which the library loads something by name.

    Args:
        name: name of a model on the hub, or the path of a folder.
        owner: class that loads it, for messages.
        what: what is loaded, such as ``configuration``.

    Returns:
        Keyword arguments of ``from_pretrained``.

    Raises:
        InputError: if the name is empty, or the request comes from an untrusted file.
    """
    if not name:
        raise InputError(f"{owner}: name is empty; give the name of a model, or a folder")
    if not Path(name).is_dir() and (name[0] in "/.~\\" or name.count("/") > 1):
        raise InputError(f"{owner}: there is no folder '{name}'; correct name")
    if OWN.get() is None:
        refuse_for_stranger(f"the {what} of the model '{name}' is requested")
    # A resumed run needs the version that it had, and no download.
    return {"trust_remote_code": False, "local_files_only": IS_STRANGERS.get()}


@contextmanager
def asking(name: str, owner: str, what: str, cure: str | None = None) -> Iterator[None]:
    """Turn failures of the library to load something into an error, and silence its output.

    Args:
        name: see `way_to_ask`.
        owner: likewise.
        what: likewise.
        cure: what to do; default: advice derived from the name.
    """
    logging = import_module("transformers.utils.logging")
    verbosity, has_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"{owner}: '{name}' needs another package: {_first_line(error)}"
        ) from error
    except Exception as error:
        of_folder = "check that the folder is complete"
        of_hub = "give a folder, or check the name and the network"
        cure = cure or (of_folder if Path(name).is_dir() else of_hub)
        raise InputError(
            f"{owner}: the {what} of '{name}' cannot be loaded ({_first_line(error)}); {cure}"
        ) from error
    finally:
        logging.set_verbosity(verbosity)
        if has_bars:
            logging.enable_progress_bar()


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".:; ") if lines else type(error).__name__
