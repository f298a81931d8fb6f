"""Names by which a browser finds a page's headings."""

from __future__ import annotations

import re
from collections.abc import Iterable

MOST_LETTERS = 60


def anchors(titles: Iterable[str]) -> list[str]:
    """A name for each title, unlike all others of the page.

    Args:
        titles: any texts, in the page's order; the same may be there more than once.

    Returns:
        Small letters and digits of any script, with hyphens for all else.
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
