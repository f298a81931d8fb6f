"""Upload of a model's folder to the Hugging Face hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from multitask.errors import InputError, one_line

NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
LOG_IN = "log in first, by hf auth login or the variable HF_TOKEN"


def check_push(name: str) -> None:
    """Reject an invalid upload before any work is done.

    Args:
        name: ``USER/NAME`` on the hub.

    Raises:
        InputError: if the name is invalid, or nobody is logged in.
    """
    if not NAME.fullmatch(name):
        raise InputError(f"--push is {name!r}; give a user or organisation and a name: USER/NAME")
    _asked("the hub could not check your login", _api().whoami)


def push(folder: Path, name: str) -> str:
    """Upload a folder; a new repository is private until its owner makes it public.

    Args:
        folder: see `multitask.after.hub.hub_folder.write_hub_folder`.
        name: see `check_push`.

    Returns:
        The address of the repository.

    Raises:
        InputError: if the hub rejects it or is unreachable; the folder is kept.
    """
    api = _api()
    failed = f"{folder} was written, but not sent"
    found = _asked(failed, api.create_repo, name, private=True, exist_ok=True)
    _asked(
        failed,
        api.upload_folder,
        repo_id=name,
        folder_path=folder,
        commit_message="Add a model by multitask export",
    )
    return str(found)


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi()


def _asked(failed: str, call: Any, *arguments: Any, **options: Any) -> Any:
    from huggingface_hub.errors import LocalTokenNotFoundError

    try:
        return call(*arguments, **options)
    except LocalTokenNotFoundError as error:
        raise InputError(f"you are not logged in to the hub; {LOG_IN}") from error
    except Exception as error:
        # There are many kinds of network errors, and the hub's own.
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status == 401:
            raise InputError(f"the hub rejected your token; {LOG_IN}") from error
        raise InputError(f"{failed}: {one_line(str(error))[:300]}") from error
