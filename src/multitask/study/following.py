"""Methods of a study that start from another's run: who follows whom, and what stands for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multitask.errors import InputError, nearest

START = "{after}"
"""What stands in a method's settings for the checkpoint that it starts from."""
OBJECTS = ("init_args", "dict_kwargs")
"""Settings that are mappings of settings themselves, of which one may be called ``after``."""


def in_order(after: Mapping[str, str | None]) -> list[str]:
    """The methods in their own order, but each behind the one that it starts from.

    Args:
        after: by method, the one that it starts from.

    Raises:
        InputError: naming the methods that start from each other.
    """
    found: list[str] = []
    for method in after:
        chain = [method]
        while (before := after[chain[-1]]) is not None and before not in found:
            if before in chain:
                raise InputError(f"methods: {_circle(chain[chain.index(before) :])}")
            chain.append(before)
        found += [each for each in reversed(chain) if each not in found]
    return found


def check_following(
    after: Mapping[str, str | None], settings: Mapping[str, Any], others: Mapping[str, str]
) -> None:
    """Refuse a method that starts from nothing that there is, or does not use it.

    Args:
        after: by method, the one that it starts from.
        settings: by method, its own settings.
        others: what a study trains beside its methods, and why none can start from it.

    Raises:
        InputError: naming the method, and what would be right.
    """
    for method, before in after.items():
        uses = names_start(settings[method], f"methods: '{method}'")
        if before is None and uses:
            raise InputError(
                f"methods: '{method}' has {START} in its settings and no 'after'; add after: and "
                "the name of the method that it starts from"
            )
        if before is None:
            continue
        if before in others:
            raise InputError(f"methods: '{method}' is after '{before}', {others[before]}")
        if before not in after:
            near = nearest(before, set(after) - {method}) or "; name a method of this file"
            raise InputError(f"methods: '{method}' is after '{before}', which is not there{near}")
        if not uses:
            raise InputError(
                f"methods: '{method}' is after '{before}' and does not use it; write \"{START}\" "
                "for its checkpoint in the settings, such as run.weights"
            )
    in_order(after)


def check_without_start(what: str, settings: Any) -> None:
    """Refuse settings that are not a method's and name what it starts from.

    Args:
        what: whose settings they are, as the beginning of a sentence.
        settings: of any kind.

    Raises:
        InputError: saying where it would be right.
    """
    if names_start(settings, what):
        raise InputError(f"{what} has {START}; write it in the settings of a method with 'after'")


def names_start(settings: Any, what: str) -> bool:
    """Whether settings name the checkpoint that a method starts from.

    Args:
        settings: of any kind.
        what: whose settings they are, as the beginning of a sentence.

    Raises:
        InputError: if it is a part of a longer text.
    """
    if isinstance(settings, str) and START in settings and settings != START:
        raise InputError(
            f"{what} has {settings[:80]!r}; {START} stands for the whole path of a checkpoint, so "
            "write it alone"
        )
    if isinstance(settings, dict):
        settings = list(settings.values())
    if isinstance(settings, list):
        # Each is looked at, also behind one that names it.
        return sum(names_start(each, what) for each in settings) > 0
    return bool(settings == START)


def with_start(settings: Any, checkpoint: str) -> Any:
    """Settings with a checkpoint wherever they name what a method starts from.

    Args:
        settings: of any kind; they stay as they are.
        checkpoint: path of the file.
    """
    if isinstance(settings, dict):
        return {key: with_start(value, checkpoint) for key, value in settings.items()}
    if isinstance(settings, list):
        return [with_start(each, checkpoint) for each in settings]
    return checkpoint if settings == START else settings


def without_quotes(settings: Any, is_mapping: bool = True) -> Any:
    """Settings in which ``{after}`` is text, though YAML reads a mapping if it has no quotes.

    Args:
        settings: as they were read.
        is_mapping: whether they are known to be a mapping of settings.
    """
    if isinstance(settings, list):
        return [without_quotes(each, False) for each in settings]
    if not isinstance(settings, dict):
        return settings
    if settings == {START.strip("{}"): None} and not is_mapping:
        return START
    return {key: without_quotes(value, key in OBJECTS) for key, value in settings.items()}


def _circle(chain: list[str]) -> str:
    if len(chain) == 1:
        return f"'{chain[0]}' is after itself; name the method that it starts from"
    pairs = zip(chain, [*chain[1:], chain[0]], strict=True)
    told = ", ".join(f"'{one}' is after '{other}'" for one, other in pairs)
    return f"{told}; let one of them start from nothing"
