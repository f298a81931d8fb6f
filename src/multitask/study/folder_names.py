"""Names that users choose, as names of folders."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from multitask.errors import InputError

MOST_BYTES = 80
"""Most characters of a folder name derived from another name."""
LONGEST = 200
"""Most bytes of a study's name: systems allow 255, and some places append to it."""
DEVICES = re.compile(r"con|prn|aux|nul|conin|conout|(com|lpt)[0-9¹²³]")


def slug(name: str) -> str:
    """Convert a name to a folder name: lower-case letters of any script, digits and hyphens.

    Two names have the same folder only if they differ only in symbols, case or the Unicode form of
    letters, as they might on a disk that treats such names as equal. Names without a letter, names
    that are too long, and names that Windows reserves for devices get a few digits that are unique
    to them.

    Args:
        name: any text.
    """
    # Capitals first: some small letters, such as the Turkish dotless i, share one.
    large = unicodedata.normalize("NFKC", name).upper()
    folded = unicodedata.normalize("NFKC", large.casefold())
    # Combining marks are parts of letters in many scripts.
    kept = "".join(each if each.isalnum() or _is_mark(each) else "-" for each in folded)
    plain = re.sub("-+", "-", kept).strip("-")
    if plain and len(plain.encode()) <= MOST_BYTES and not DEVICES.fullmatch(plain):
        return plain
    own = hashlib.sha256((plain or name).encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{_cut(plain, MOST_BYTES - 9)}-{own}".lstrip("-") if name else ""


def ascii_slug(name: str) -> str:
    """Convert a name to letters from a to z, hyphens and digits, which stand for other letters.

    Args:
        name: any text.
    """
    found = slug(name)
    return found if found.isascii() else hashlib.sha256(found.encode()).hexdigest()[:16]


def check_folder_name(name: str, what: str) -> None:
    """Reject a name that cannot be used as a folder name.

    Args:
        name: name of the folder.
        what: what the name belongs to, as the beginning of a sentence.

    Raises:
        InputError: if the folder would be another one, or cannot be created.
    """
    if not name.strip() or name.strip() in (".", "..") or name != name.strip():
        right = "give it letters or digits, and no spaces at either end"
    elif "/" in name or "\\" in name:
        right = "it is the name of a folder, which must not lead elsewhere; remove / and \\"
    elif not name.isprintable():
        right = "remove line breaks and invisible characters"
    elif name.startswith(("-", "~")):
        right = "begin it with a letter or digit"
    elif len(name.encode()) > LONGEST:
        right = f"it has {len(name.encode())} bytes; give it at most {LONGEST}"
    else:
        return
    raise InputError(f"{what} is {name[:60]!r}; {right}")


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode(errors="ignore").rstrip("-")
