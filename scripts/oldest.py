"""Write oldest.txt: the oldest versions of what the project needs that pyproject.toml allows."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEADER = """\
# The oldest versions that pyproject.toml allows of what the project itself needs.
# Renew it with `python scripts/oldest.py` after changing pyproject.toml; `make oldest` tries it.
"""


def oldest(requirement: str) -> str:
    """The pin of a requirement with a lower bound, such as ``numpy>=1.26``.

    Raises:
        ValueError: if it has no lower bound.
    """
    need = Requirement(requirement)
    bounds = [each.version for each in need.specifier if each.operator in (">=", "==")]
    if len(bounds) != 1:
        raise ValueError(f"pyproject.toml: {requirement} has no lower bound; give one, as in >=1.0")
    return f"{canonicalize_name(need.name)}=={bounds[0]}"


def main() -> None:
    """Write the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = sorted(map(oldest, project["dependencies"]))
    (ROOT / "oldest.txt").write_text(HEADER + "".join(f"{pin}\n" for pin in pins))


if __name__ == "__main__":
    main()
