"""Write constraints.txt: the version of everything the project needs, as installed now."""

from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

CONSTRAINTS = Path(__file__).resolve().parents[1] / "constraints.txt"
HEADER = """\
# Everything the project installs, dev extra included, at the versions it was tested with.
# Renew it with `make lock` after changing pyproject.toml; `make lock ARGS=--upgrade` goes further.
"""


def needed(project: str, extra: str) -> set[str]:
    """Name every package that ``project[extra]`` needs on this machine, directly or not."""
    seen: set[tuple[str, str]] = set()
    waiting = [(project, ""), (project, extra)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        for line in distribution(name).requires or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(need.name), part) for part in ("", *need.extras)]
    return {name for name, _ in seen} - {project}


def pin(name: str) -> str:
    """Pin what is installed, without the build's own suffix: 2.15.0+cpu becomes 2.15.0."""
    return f"{name}=={Version(distribution(name).version).public}"


if __name__ == "__main__":
    pins = [pin(name) for name in sorted(needed("multitask", "dev"))]
    CONSTRAINTS.write_text(HEADER + "\n".join(pins) + "\n")
    print(f"Pinned {len(pins)} packages in {CONSTRAINTS.name}")
