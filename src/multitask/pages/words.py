"""Numbers and lists of names as a sentence has them."""

from __future__ import annotations

from collections.abc import Iterable

NAMED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def in_words(number: int, none: str = "no") -> str:
    """A number, in words up to ten.

    Args:
        number: 0 or more.
        none: the word for 0: ``no`` before a noun, ``none`` without one.
    """
    if number == 0:
        return none
    return NAMED[number] if number < len(NAMED) else f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number and what is counted, as in ``1 run`` or ``1,200 runs``.

    Args:
        number: 0 or more.
        noun: for one.
        plural: for any other number; default: the noun with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def listed(names: Iterable[str], most: int = 4, word: str = "and") -> str:
    """Names as a sentence lists them, as in ``a, b and c`` or ``a, b and 7 more``.

    Args:
        names: any number.
        most: names that are written; of more, the others are counted.
        word: before the last one.
    """
    found = list(names)
    if len(found) > most:
        shown = found[: most - 1] or found[:1]
        found = [*shown, f"{len(found) - len(shown):,} more"]
    return f" {word} ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def capital(sentence: str) -> str:
    """A sentence that begins with a capital letter; for words of ours, not for names of the data.

    Args:
        sentence: any.
    """
    return sentence[:1].upper() + sentence[1:]


def arrow(higher_is_better: bool | None) -> str:
    """Which end of a metric is better, for a table's head.

    Args:
        higher_is_better: None if neither end is, as of a coverage, which is best at its level.
    """
    return {True: "↑", False: "↓"}.get(higher_is_better, "")  # type: ignore[arg-type]
