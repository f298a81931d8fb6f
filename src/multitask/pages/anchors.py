"""Anchors of a page's headings."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_LETTERS = 60


def anchors(titles: Iterable[str]) -> list[str]:
    """Create a unique anchor for each title of a page.

    Args:
        titles: any texts, in the order of the page, with possible duplicates.

    Returns:
        Lower-case letters and digits of any script, with hyphens for everything else.
    """
    found: dict[str, None] = {}
    for title in titles:
        words = re.findall(r"[^\W_]+", title.lower())
        name = "-".join(words)[:MOST_LETTERS].strip("-") or "section"
        number, free = 1, name
        while free in found:
            number += 1
            free = f"{name}-{number}"
        found[free] = None
    return list(found)
