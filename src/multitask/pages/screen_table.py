"""Tables on the screen, of which a narrow one loses no digit."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

MOST = 10_000
"""Most characters in a line of a table."""


def print_tables(tables: Iterable[Table]) -> str:
    """Print tables; one that is wider than the screen continues beyond its edge.

    To make it fit, digits would be cut off, also in a log that is read elsewhere.

    Args:
        tables: the tables, in order.

    Returns:
        The printed text, without colours.
    """
    console = Console(record=True)
    screen, unlimited = console.width, console.options.update(width=MOST)
    for table in tables:
        console.width = max(screen, console.measure(table, options=unlimited).maximum)
        console.print(table)
    return console.export_text()
