"""Descriptions are read from the sources of packages, whatever is in them."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path

import pytest

from multitask.data.docstring_sources import (
    MOST_OF_FILE,
    Docstring,
    fingerprint,
    package_version,
    read_packages,
)
from multitask.errors import InputError

LONG = "takes eight words or more to say what"


def package(folder: Path, name: str, **files: str) -> str:
    (folder / name).mkdir()
    for file, text in {"__init__": "", **files}.items():
        path = folder / name / f"{file.replace('__in__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
    return name


def read(*names: str, samples: int = 100) -> dict[str, list[Docstring]]:
    read_packages.cache_clear()
    return read_packages(names, samples)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_description_and_what_it_does_not_show(here: Path) -> None:
    name = package(
        here,
        "shelf",
        books='''
        raise RuntimeError("imported")

        def sort(books, *others, by="title", **options):
            """Sort books by the title or by
            whatever else a person says.

            Parameters
            ----------
            books : list of three words
                Which.

            >>> sort([])
            []
            >>> sort([2, 1])
            """

        class Shelf:
            """Takes books of all kinds, one beside the other.

            Args:
                width: in centimetres.
            """

            def __init__(self, width):
                pass

            def add(self, book):
                """Put a book at the end, or complain of its width."""

            @classmethod
            async def empty(cls):
                """Make a shelf on which there is not any book."""

        class Cellar(Shelf):
            """A place where nobody ever looks for any book."""
        ''',
    )
    found = {each.name: each for each in read(name)[name]}
    assert list(found) == [
        "shelf.books.sort",
        "shelf.books.Shelf",
        "shelf.books.Cellar",
        "shelf.books.Shelf.add",
        "shelf.books.Shelf.empty",
    ]
    sort = found["shelf.books.sort"]
    assert sort.text == "Sort books by the title or by whatever else a person says."
    assert sort.file == "shelf/books.py"
    assert (sort.arguments, sort.examples, sort.words) == (4, 2, 15)
    shelf = found["shelf.books.Shelf"]
    assert shelf.text == "Takes books of all kinds, one beside the other."
    assert (shelf.arguments, shelf.examples, shelf.words) == (1, 0, 4)
    assert [found[f"shelf.books.Shelf.{each}"].arguments for each in ("add", "empty")] == [1, 0]
    assert math.isnan(found["shelf.books.Cellar"].arguments)


def test_what_is_left_out(here: Path) -> None:
    said = f'"""{LONG}"""'
    name = package(
        here,
        "shelf",
        books=f'''
        def _own():
            """{LONG} is private"""
        def brief():
            """Too brief."""
        def silent(): ...
        def first():
            {said}
        def second():
            {said}
        ''',
        broken="def (:",
        old='print "Python 2"',
        conftest=f"def one():\n    {said[:-3]} of tests{said[-3:]}",
        tests__in__test_books=f"def one():\n    {said[:-3]} of tests{said[-3:]}",
        _vendor__in__other=f"def one():\n    {said[:-3]} of others{said[-3:]}",
    )
    assert [each.name for each in read(name)[name]] == ["shelf.books.first"]


def test_one_text_is_of_one_package_only(here: Path) -> None:
    files = {"books": f'def one():\n    """{LONG}"""'}
    names = [package(here, each, **files) for each in ("shelf", "cupboard")]
    assert [len(each) for each in read(*names).values()] == [1, 0]


def test_no_file_is_most_of_a_package(here: Path) -> None:
    def many(letter: str) -> str:
        texts = [
            f'def f{each}():\n    """{LONG} of {letter} number {each}"""' for each in range(20)
        ]
        return "\n".join(texts)

    name = package(here, "shelf", a=many("a"), b=many("b"))
    found = read(name)[name]
    assert len(found) == 2 * MOST_OF_FILE
    assert len(read(name, samples=15)[name]) == 15
    # A larger sample begins with a smaller one, on every day.
    assert read(name, samples=15)[name] == found[:15]


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("NumPy arrays, as np.array and to_numpy say", "it arrays, as it.array and to_it say"),
        ("scikit-learn's and SciPy's, but not speckled", "it's and it's, but not speckled"),
        ("The shelf of bookshelf and plt.plot in TorchScript", "The it of it and it.plot in it"),
        ("pdf and maps are words like any other", "pdf and maps are words like any other"),
        ("Read more in the :ref:`User Guide <x>`. It is a long story", "It is a long story"),
    ],
)
def test_no_text_names_its_package(here: Path, written: str, seen: str) -> None:
    body = f'def one():\n    """{written}, which takes a while."""'
    name = package(here, "shelf", books=body)
    assert read(name)[name][0].text == f"{seen}, which takes a while."


@pytest.mark.parametrize(
    "section",
    [
        "Parameters\n    ----------",
        "Args:\n        x: one",
        "Returns: x",
        "Note::\n\n        x",
        "See Also\n    --------",
        ":param x: one",
        ".. versionadded:: 1",
        ">>> 1",
    ],
)
def test_a_description_ends_where_a_section_begins(here: Path, section: str) -> None:
    body = f'def one():\n    """Returns what {LONG}: notes are in it.\n\n    {section}\n    """'
    name = package(here, "shelf", books=body)
    assert read(name)[name][0].text == f"Returns what {LONG}: notes are in it."


def test_a_change_of_a_number_changes_the_fingerprint() -> None:
    one, two = (Docstring("a.b", "a.py", "text", arguments, 0, 0) for arguments in (1.0, 2.0))
    assert fingerprint({"a": [one]}) == fingerprint({"a": [one]})
    assert len({fingerprint(each) for each in ({"a": [one]}, {"a": [two]}, {"b": [one]})}) == 3


def test_what_cannot_be_read_is_refused(here: Path) -> None:
    for name in ("no_such_package", "os.path"):
        with pytest.raises(InputError, match=f"packages: '{name}' is not installed"):
            read(name)
    with pytest.raises(InputError, match="'sys' has no Python source files"):
        read("sys")


def test_versions() -> None:
    assert package_version("json").startswith("3.")
    assert all(package_version(each)[0].isdigit() for each in ("numpy", "sklearn"))
    assert package_version("no_such_package") == ""
