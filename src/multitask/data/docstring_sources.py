"""Docstrings of installed packages, read from their source files: text without a download."""

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
"""Bytes of a source file; most of the time of reading would go into a few larger ones."""
FEWEST_WORDS = 8
"""Words of a description; a shorter one does not show its package."""
MOST_OF_FILE = 12
"""Descriptions that one file gives, so that no large file is most of a package."""
ALSO_CALLED = {
    "matplotlib": ("mpl", "pylab", "pyplot", "plt"),
    "numpy": ("np",),
    "pandas": ("pd",),
    "scipy": ("sp",),
    "sklearn": ("scikit", "scikits", "scikit-learn"),
    "torch": (),
}
"""What texts call packages beside their own names; longer words with the name in them count too."""
INSTALLED_AS = {"sklearn": "scikit-learn"}
"""What packages are called where they are installed from, if not as they are imported."""
HIDDEN = "it"
"""What stands in place of a package's name."""
LEFT_OUT = re.compile(
    r"(?:_?tests?|_?testing|conftest|_?vendor(?:ed)?|externals?|array_api_\w+|distutils)(?:\.py)?|test_.*|.*_test\.py"
)
"""Folders and files of tests, of other packages, and of what some versions of Python lack."""
POINTERS = re.compile(r"(?:Please )?Read more in the :ref:`[^`]*`\.?", re.IGNORECASE)
"""Sentences that one package alone has."""
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
"""Where a description ends."""
WORD = re.compile(r"scikit-learn|[^\W_]+", re.IGNORECASE)
LONG_NAME = 5
"""Letters of a name that is looked for inside words, where short ones are found by chance."""


@dataclass(frozen=True)
class Docstring:
    """What a docstring says of a function, a method or a class.

    Attributes:
        name: with its module and class, such as ``numpy.lib._npyio_impl.load``.
        file: its source file, from the package's folder on.
        text: the description, in one line, without the names of packages.
        arguments: how many it takes, ``self`` and ``cls`` left out; NaN for a class without a
            constructor of its own.
        examples: lines that begin with ``>>>``.
        words: how many stand behind the description.
    """

    name: str
    file: str
    text: str
    arguments: float
    examples: int
    words: int


@lru_cache(maxsize=8)
def read_packages(packages: tuple[str, ...], samples: int) -> dict[str, list[Docstring]]:
    """Read descriptions of public functions, methods and classes; nothing is imported.

    The files of a package come in an order that their names decide, so that a new version changes
    little. Of the same description, the first counts, in whatever package.

    Args:
        packages: as they are imported.
        samples: most descriptions of each.

    Returns:
        By package, in the order in which they were read.

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
    """The installed version of a package, Python's own for what is part of Python."""
    if package in sys.stdlib_module_names:
        return python_version()
    try:
        return metadata.version(INSTALLED_AS.get(package, package))
    except metadata.PackageNotFoundError:
        # Slow: it looks into everything that is installed.
        names = metadata.packages_distributions().get(package, [])
        return metadata.version(names[0]) if names else ""


def fingerprint(found: dict[str, list[Docstring]]) -> str:
    """A short text that differs where any description or number does."""
    digest = blake2b(digest_size=6)
    for package, texts in found.items():
        for each in texts:
            digest.update(repr((package, each)).encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _files(package: str) -> list[Path]:
    spec = find_spec(package) if package.isidentifier() else None
    if spec is None:
        raise InputError(
            f"packages: '{package}' is not installed; give packages by the name that is imported, "
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
        raise InputError(f"packages: '{package}' has no source files in Python; leave it out")
    return sorted(files, key=lambda path: blake2b(_place(path, package).encode()).digest())


def _place(path: Path, package: str) -> str:
    parts = path.with_suffix("").parts
    start = len(parts) - 1 - parts[::-1].index(package)
    return "/".join(parts[start:])


def _read(file: Path, package: str, hide: Callable[[str], str]) -> Iterator[Docstring]:
    try:
        with warnings.catch_warnings():
            # Of other people's sources, such as an invalid escape sequence.
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
    """What puts another word in the place of each word that names a package.

    Words that ``_`` joins are words of their own.
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
