"""Reading of figures drawn for a page, to embed them."""

from __future__ import annotations

from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n"


def read_figure(path: Path, folder: Path) -> bytes | None:
    """Read a figure.

    Args:
        path: path of the PNG file.
        folder: folder of the page.

    Returns:
        The file's content; None if it is not a PNG file below the folder.
    """
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return None
        content = path.read_bytes()
    except OSError:
        return None
    return content if content.startswith(PNG) else None


def missing_sentence(path: Path) -> str:
    """The text that a page shows if a figure is missing.

    Args:
        path: path of the PNG file.
    """
    return f"The figure {path.name} is missing: it could not be drawn, or was removed."
