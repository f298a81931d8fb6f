"""Write the sources of the site for `make docs` into build/docs; see mkdocs.yml.

These are the pages of docs/ unchanged; the README as the first page, and CHANGELOG, CONTRIBUTING,
SECURITY and LICENSE, with adapted links; each notebook as a page; and a reference page for each
public package. A package is public if it defines ``__all__``.
"""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
BESIDE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE")
IMPORT = re.compile(r"^from (multitask[\w.]*) import", re.MULTILINE)
# A Markdown link or image: the text before its target, and the target.
LINK = re.compile(r"(\]\()([^)\s]+)")


def packages() -> dict[str, list[str]]:
    """The public names of each public package, by its dotted name."""
    found = {}
    for file in sorted(SOURCE.rglob("__init__.py")):
        for statement in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
                name = ".".join(file.parent.relative_to(SOURCE).parts)
                found[name] = ast.literal_eval(statement.value)
    return found


def pages() -> list[Path]:
    """The pages that people write: those of docs/, the README and its neighbours."""
    return [
        *sorted(ROOT.glob("docs/*.md")),
        *(ROOT / each for each in ("README.md", *BESIDE) if each.endswith(".md")),
    ]


def modules() -> set[str]:
    """Modules that are not a public package, but from which a page imports."""
    texts = [page.read_text(encoding="utf-8") for page in pages()]
    named = {name for text in texts for name in IMPORT.findall(text)}
    return named - packages().keys()


def place(file: Path) -> Path:
    """The path on the site of a file of the repository; both paths are relative."""
    if file == Path("README.md"):
        return Path("index.md")
    if str(file) in BESIDE:
        # In a separate folder: on a Mac, SECURITY.md and security.md are the same file.
        return Path("repository", file.name).with_suffix(".md")
    if file.suffix == ".ipynb":
        return file.with_suffix(".md")
    if file.suffix == ".py":
        # The package's reference page contains the docstrings of its files.
        package = ".".join(file.relative_to("src").parent.parts)
        return Path("reference", f"{package}.md")
    return file.relative_to("docs")


def relinked(page: Path, text: str | None = None) -> str:
    """A page, or part of it, with its links adapted to the site."""

    def fitting(match: re.Match[str]) -> str:
        path, hash_, anchor = match[2].partition("#")
        target = (page.parent / path).resolve()
        if not path or not target.is_file():
            return match[0]
        to = os.path.relpath(place(target.relative_to(ROOT)), here)
        return f"{match[1]}{Path(to).as_posix()}{hash_}{anchor}"

    here = place(page.relative_to(ROOT)).parent
    return LINK.sub(fitting, page.read_text(encoding="utf-8") if text is None else text)


def notebook(file: Path) -> str:
    """A notebook as Markdown: its text and its code, without outputs."""
    parts = []
    for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        is_text = cell["cell_type"] == "markdown"
        parts.append(relinked(file, source) if is_text else f"```python\n{source}\n```")
    return "\n\n".join(parts) + "\n"


def reference(package: str, beside: list[str]) -> str:
    """A package's reference page; mkdocstrings fills it from the docstrings."""
    parts = [f"# {package}", f"::: {package}"]
    for module in beside:
        parts += [f"## {module}", f"::: {module}"]
    return "\n\n".join(parts) + "\n"


def written() -> dict[Path, str]:
    """Every page of the site, by its path."""
    found = {place(page.relative_to(ROOT)): relinked(page) for page in pages()}
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    found[place(Path("LICENSE"))] = f"# License\n\n```text\n{licence}```\n"
    for file in ROOT.glob("notebooks/*.ipynb"):
        found[place(file.relative_to(ROOT))] = notebook(file)
    beside = modules()
    for package in packages():
        inside = sorted(each for each in beside if each.rpartition(".")[0] == package)
        beside -= set(inside)
        found[Path("reference", f"{package}.md")] = reference(package, inside)
    for module in beside:
        found[Path("reference", f"{module}.md")] = reference(module, [])
    return found


def write(folder: Path) -> None:
    """Rewrite all pages and their images."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, text in written().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for image in ROOT.glob("docs/*.png"):
        shutil.copy(image, folder)


if __name__ == "__main__":
    write(ROOT / "build/docs")
