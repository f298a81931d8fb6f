"""Docstrings of installed packages, read from source files: text data without a download."""

from __future__ import annotations

import ast
import math
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import blake2b
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from platform import python_version

from multitask.errors import InputError

LARGEST = 100_000
"""Largest source file in bytes; a few larger ones would take most of the reading time."""
FEWEST_WORDS = 8
"""Fewest words of a description; a shorter one does not identify its package."""
MOST_OF_FILE = 12
"""Most descriptions per file, so that no large file dominates a package."""
ALSO_CALLED = {
    "matplotlib": ("mpl", "pylab", "pyplot", "plt"),
    "numpy": ("np",),
    "pandas": ("pd",),
    "scipy": ("sp",),
    "sklearn": ("scikit", "scikits", "scikit-learn"),
    "torch": (),
}
"""Other names that texts use for packages; longer words that contain a name count too."""
INSTALLED_AS = {"sklearn": "scikit-learn"}
"""Names that packages are installed by, if they differ from the import name."""
HIDDEN = "it"
"""Replacement of a package's name."""
LEFT_OUT = re.compile(
    r"(?:_?tests?|_?testing|conftest|_?vendor(?:ed)?|externals?|array_api_\w+|distutils)(?:\.py)?|test_.*|.*_test\.py"
)
"""Folders and files of tests, of vendored packages, and of code that some Python versions lack."""
POINTERS = re.compile(r"(?:Please )?Read more in the :ref:`[^`]*`\.?", re.IGNORECASE)
"""Sentences that occur in only one package."""
SECTION = re.compile(
    r"""^[ ]*(?:
    # What numpydoc and Google's style call the parts behind the description.
    (?:(?:Other|Keyword)[ ])?(?:Parameters?|Attributes?|Arg(?:ument)?s?|Returns?|Yields?|Raises
        |Examples?|Notes?|References?|See[ ]Also|Shape|Warn(?:ing)?s?|Methods|Usage|Inputs?
        |Outputs?)[ ]*(?:::?(?:[ ].*)?)?$
    |>>>|:(?:param|arg|type|returns?|rtype|raises)\b|\.\.[ ]|@|As[ ](?:in|out)put[ ]to[ ]
    )""",
    re.MULTILINE | re.VERBOSE | re.IGNORECASE,
)
"""Patterns for the end of a description."""
WORD = re.compile(r"scikit-learn|[^\W_]+", re.IGNORECASE)
LONG_NAME = 5
"""Shortest name that is searched inside words; shorter ones match by chance."""


@dataclass(frozen=True)
class Docstring:
    """The data extracted from the docstring of a function, method or class.

    Attributes:
        name: full name with module and class, such as ``numpy.lib._npyio_impl.load``.
        file: source file, relative to the package's folder.
        text: the description in one line, without package names.
        arguments: number of parameters, without ``self`` and ``cls``; NaN for a class without its
            own constructor.
        examples: number of lines that begin with ``>>>``.
        words: number of words after the description.
    """

    name: str
    file: str
    text: str
    arguments: float
    examples: int
    words: int


@lru_cache(maxsize=8)
def read_packages(packages: tuple[str, ...], samples: int) -> dict[str, list[Docstring]]:
    """Read descriptions of public functions, methods and classes, without importing anything.

    The files of a package are ordered by a hash of their names, so that a new version changes
    little. If a description is repeated, even in another package, the first one is used.

    Args:
        packages: import names of the packages.
        samples: most descriptions per package.

    Returns:
        The descriptions by package, in the order in which they were read.

    Raises:
        InputError: naming a package that is not installed.
    """
    known: set[str] = set()
    hide = _hides(packages)
    found: dict[str, list[Docstring]] = {}
    for package in packages:
        own: list[Docstring] = []
        found[package] = own
        for file in _files(package):
            if len(own) >= samples:
                break
            count = 0
            for each in _read(file, package, hide):
                if each.text not in known and count < MOST_OF_FILE and len(own) < samples:
                    known.add(each.text)
                    own.append(each)
                    count += 1
    return found


def package_version(package: str) -> str:
    """Return the installed version of a package, or Python's version for the standard library."""
    if package in sys.stdlib_module_names:
        return python_version()
    try:
        return metadata.version(INSTALLED_AS.get(package, package))
    except metadata.PackageNotFoundError:
        # Slow, because it searches everything that is installed.
        names = metadata.packages_distributions().get(package, [])
        return metadata.version(names[0]) if names else ""


def fingerprint(found: dict[str, list[Docstring]]) -> str:
    """Compute a short text that changes if any description or number changes."""
    digest = blake2b(digest_size=6)
    for package, texts in found.items():
        for each in texts:
            digest.update(repr((package, each)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _files(package: str) -> list[Path]:
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None:
        raise InputError(
            f"packages: '{package}' is not installed; give packages by their import names, "
            "without dots"
        )
    folders = [Path(each) for each in spec.submodule_search_locations or ()]
    files = [
        path
        for folder in folders
        for path in folder.rglob("*.py")
        if not any(LEFT_OUT.fullmatch(part) for part in path.relative_to(folder).parts)
        and path.stat().st_size <= LARGEST
    ]
    if not folders and spec.origin is not None and spec.origin.endswith(".py"):
        files = [Path(spec.origin)]
    if not files:
        raise InputError(f"packages: '{package}' has no Python source files; remove it")
    return sorted(files, key=lambda path: blake2b(_place(path, package).encode()).digest())


def _place(path: Path, package: str) -> str:
    parts = path.with_suffix("").parts
    start = len(parts) - 1 - parts[::-1].index(package)
    return "/".join(parts[start:])


def _read(file: Path, package: str, hide: Callable[[str], str]) -> Iterator[Docstring]:
    try:
        with warnings.catch_warnings():
            # Warnings about third-party sources, such as an invalid escape sequence.
            warnings.simplefilter("ignore")
            module = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):
        # Written for another version of Python, or a template.
        return
    place = _place(file, package)
    parents: list[tuple[str, ast.Module | ast.ClassDef]] = [(place.replace("/", "."), module)]
    for name, parent in parents:
        for node in parent.body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.name.startswith("_"):
                continue
            path = f"{name}.{node.name}"
            if isinstance(node, ast.ClassDef):
                parents.append((path, node))
            written = ast.get_docstring(node) or ""
            end = SECTION.search(written)
            start, rest = (written[: end.start()], written[end.start() :]) if end else (written, "")
            text = hide(POINTERS.sub("", " ".join(start.split())).strip())
            if len(text.split()) >= FEWEST_WORDS:
                examples = len(re.findall(r"^[ ]*>>>", rest, re.MULTILINE))
                count = _arguments(node)
                yield Docstring(path, f"{place}.py", text, count, examples, len(rest.split()))


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> float:
    if isinstance(node, ast.ClassDef):
        made = (each for each in node.body if isinstance(each, ast.FunctionDef))
        makers = [each for each in made if each.name == "__init__"]
        return _arguments(makers[-1]) if makers else math.nan
    given = node.args
    named = [each.arg for each in (*given.posonlyargs, *given.args)]
    own = 1 if named[:1] in (["self"], ["cls"]) else 0
    return len(named) - own + len(given.kwonlyargs) + bool(given.vararg) + bool(given.kwarg)


def _hides(packages: tuple[str, ...]) -> Callable[[str], str]:
    """Return a function that replaces each word that names a package.

    Parts of a name joined by ``_`` count as separate words.
    """
    own = {name.lower() for name in (*packages, *ALSO_CALLED)}
    names = own | {each for other in ALSO_CALLED.values() for each in other}
    longer = [name for name in names if len(name) >= LONG_NAME]

    @cache
    def seen(word: str) -> str:
        lower = word.lower()
        is_name = lower in names or any(name in lower for name in longer)
        return HIDDEN if is_name else word

    return lambda text: WORD.sub(lambda found: seen(found[0]), text)
