"""Numbers and lists of names as parts of a sentence."""

from __future__ import annotations

from collections.abc import Iterable

NAMED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def in_words(number: int, none: str = "no") -> str:
    """Write a number, up to ten as a word.

    Args:
        number: a number, at least 0.
        none: the word for 0: ``no`` before a noun, ``none`` without one.
    """
    if number == 0:
        return none
    return NAMED[number] if number < len(NAMED) else f"{number:,}"


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun, as in ``1 run`` or ``1,200 runs``.

    Args:
        number: a number, at least 0.
        noun: the singular form.
        plural: the plural form; default: the noun with an s.
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def listed(names: Iterable[str], most: int = 4, word: str = "and") -> str:
    """Join names as in a sentence, such as ``a, b and c`` or ``a, b and 7 more``.

    Args:
        names: any number of names.
        most: maximum number of names to write; the rest are counted.
        word: conjunction before the last name.
    """
    found = list(names)
    if len(found) > most:
        shown = found[: most - 1] or found[:1]
        found = [*shown, f"{len(found) - len(shown):,} more"]
    return f" {word} ".join(filter(None, [", ".join(found[:-1]), *found[-1:]]))


def capital(sentence: str) -> str:
    """Capitalise a sentence; for the program's own words, not for names in the data.

    Args:
        sentence: any sentence.
    """
    return sentence[:1].upper() + sentence[1:]


def arrow(higher_is_better: bool | None) -> str:
    """Arrow for the better direction of a metric, for a column heading.

    Args:
        higher_is_better: None if neither direction is, as for a coverage, which has a target level.
    """
    return {True: "↑", False: "↓"}.get(higher_is_better, "")  # type: ignore[arg-type]
