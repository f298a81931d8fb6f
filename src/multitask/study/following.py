"""Methods of a study that start from another's run: their order and their placeholder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from multitask.errors import InputError, nearest

START = "{after}"
"""Placeholder in a method's settings for the checkpoint that it starts from."""
OBJECTS = ("init_args", "dict_kwargs")
"""Settings that are themselves mappings of settings, one of which may be called ``after``."""


def in_order(after: Mapping[str, str | None]) -> list[str]:
    """Order the methods so that each comes after the one that it starts from.

    Args:
        after: for each method, the one that it starts from.

    Raises:
        InputError: with the methods that start from each other.
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
    """Reject a method that starts from something that does not exist, or does not use it.

    Args:
        after: for each method, the one that it starts from.
        settings: settings of each method.
        others: what a study trains besides its methods, and why no method can start from it.

    Raises:
        InputError: with the method, and what would be valid.
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
            raise InputError(f"methods: '{method}' is after '{before}', which does not exist{near}")
        if not uses:
            raise InputError(
                f"methods: '{method}' is after '{before}' and does not use it; write \"{START}\" "
                "for its checkpoint in the settings, such as run.weights"
            )
    in_order(after)


def check_without_start(what: str, settings: Any) -> None:
    """Reject settings that name a starting point but do not belong to a method.

    Args:
        what: the owner of the settings, as the beginning of a sentence.
        settings: settings of any kind.

    Raises:
        InputError: with the place where it would be valid.
    """
    if names_start(settings, what):
        raise InputError(f"{what} has {START}; write it in the settings of a method with 'after'")


def names_start(settings: Any, what: str) -> bool:
    """Whether settings name the checkpoint that a method starts from.

    Args:
        settings: settings of any kind.
        what: the owner of the settings, as the beginning of a sentence.

    Raises:
        InputError: if the placeholder is a part of a longer text.
    """
    if isinstance(settings, str) and START in settings and settings != START:
        raise InputError(
            f"{what} has {settings[:80]!r}; {START} stands for the whole path of a checkpoint, so "
            "write it alone"
        )
    if isinstance(settings, dict):
        settings = list(settings.values())
    if isinstance(settings, list):
        # Check each of them, even after one that contains the placeholder.
        return sum(names_start(each, what) for each in settings) > 0
    return bool(settings == START)


def with_start(settings: Any, checkpoint: str) -> Any:
    """Replace the placeholder in settings by the path of a checkpoint.

    Args:
        settings: settings of any kind, which are not modified.
        checkpoint: path of the file.
    """
    if isinstance(settings, dict):
        return {key: with_start(value, checkpoint) for key, value in settings.items()}
    if isinstance(settings, list):
        return [with_start(each, checkpoint) for each in settings]
    return checkpoint if settings == START else settings


def without_quotes(settings: Any, is_mapping: bool = True) -> Any:
    """Convert ``{after}`` to text, because YAML reads it as a mapping if it is not quoted.

    Args:
        settings: the settings as read from YAML.
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
    return f"{told}; let one of them start from scratch"
