"""From a bare clone to a program that runs: the Makefile, the pins, the conda environment.

Every make runs in a copy of what it reads, with a pip that only writes down how it was called.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PIN = re.compile(r"(?P<name>[a-z0-9-]+)==(?P<version>[a-z0-9.]+)")
FAKE_PIP = """\
import os, sys
with open(os.environ["PIP_LOG"], "a") as log:
    print(sys.prefix, os.getcwd(), *sys.argv[1:], sep="|", file=log)
sys.exit(int(os.environ["PIP_STATUS"]))
"""
ORACLES = "|install|--no-deps|-r|tests/oracles.txt"
PYTHON = f'exec "{sys.executable}" "$@"'


def write_program(path: Path, script: str) -> None:
    """Write a shell script that can be run by its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


class Checkout:
    """A copy of the files that set the project up, in a folder whose name holds a space."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a clone"
        self.log = folder / "pip.log"
        self.bin = folder / "bin"
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        for name in ("Makefile", "constraints.txt", "pyproject.toml"):
            shutil.copy(ROOT / name, self.root)
        (self.root / "tests").mkdir()
        shutil.copy(ROOT / "tests/oracles.txt", self.root / "tests")
        (folder / "fake" / "pip").mkdir(parents=True)
        (folder / "fake" / "pip" / "__init__.py").touch()
        (folder / "fake" / "pip" / "__main__.py").write_text(FAKE_PIP)
        write_program(self.bin / "python3", PYTHON)
        # Else that of the machine would install what these tests ask for.
        write_program(self.bin / "uv", "exit 1")
        self.environ = {
            "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder / "fake"),
            "PIP_LOG": str(self.log),
            "PIP_STATUS": "0",
        }

    def make(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run make here, with no environment active but what ``environ`` says."""
        return subprocess.run(
            ["make", *arguments],
            cwd=self.root,
            env=self.environ | environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def installs(self) -> list[str]:
        """Every installation so far: the environment, the working directory, the arguments."""
        return [each for each in self._calls() if not each.endswith(ORACLES)]

    def oracles(self) -> list[str]:
        """Every installation of what tests compare with."""
        return [each for each in self._calls() if each.endswith(ORACLES)]

    def _calls(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def active(tmp_path: Path) -> str:
    """A virtual environment, as activated by whoever calls make."""
    venv.create(tmp_path / "an environment", symlinks=True)
    return str(tmp_path / "an environment")


def pins() -> dict[str, str]:
    """The version that constraints.txt holds for each package."""
    matches = (PIN.fullmatch(line) for line in (ROOT / "constraints.txt").read_text().splitlines())
    return {match["name"]: match["version"] for match in matches if match}


def test_conda_environment_installs_what_pyproject_says() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    python, pip, packages = environment["dependencies"]
    assert environment["name"] == PROJECT["name"]
    assert SpecifierSet(PROJECT["requires-python"]).contains(python.removeprefix("python="))
    assert pip == "pip"
    assert packages == {"pip": ["-c constraints.txt", "-e .[dev]"]}


def test_constraints_are_sorted_pins_and_nothing_else() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        f"{name}=={version}" for name, version in sorted(pins().items())
    ]
    assert not [line for line in lines if "://" in line]


@pytest.mark.parametrize(
    "dependency",
    [
        Requirement(line)
        for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    ],
    ids=lambda dependency: dependency.name,
)
def test_direct_dependency_has_a_pin_in_its_range(dependency: Requirement) -> None:
    assert dependency.specifier.contains(pins()[canonicalize_name(dependency.name)])


def test_lock_pins_what_is_installed_and_needed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    subprocess.run([sys.executable, tmp_path / "scripts" / "lock.py"], check=True)
    lines = (tmp_path / "constraints.txt").read_text().splitlines()
    names = [line.partition("==")[0] for line in lines if PIN.fullmatch(line)]
    assert lines[:2] == (ROOT / "constraints.txt").read_text().splitlines()[:2]
    assert len(names) == len(lines) - 2
    assert {"torch", "pytest", "sympy"} <= set(names)
    assert not {"multitask", "pip"} & set(names)


def test_make_alone_describes_every_target(checkout: Checkout) -> None:
    described = re.findall(r"^([a-z]+) +\w", checkout.make().stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert described == phony[1].split()


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (
            ("train", "ARGS=--trainer.max_epochs=5"),
            "-m multitask fit --config configs/experiment/digits.yaml --trainer.max_epochs=5",
        ),
        (("train", "CONFIG=mine.yaml"), "-m multitask fit --config mine.yaml"),
        (("resume", "RUN=runs/x/y"), "-m multitask resume runs/x/y"),
        (("resume",), "-m multitask resume"),
        (("test", "ARGS=-k lock"), "-m pytest -n 3 --dist worksteal -k lock"),
        (("notebooks",), "-m pytest tests/notebooks"),
        (("lint",), "-m mypy"),
    ],
)
def test_target_runs_the_program(
    checkout: Checkout, arguments: tuple[str, ...], command: str
) -> None:
    last = checkout.make("-n", *arguments).stdout.splitlines()[-1]
    assert last.split()[-len(command.split()) :] == command.split()
    assert '".venv/bin/python" -m' in last


@pytest.mark.parametrize("variable", ["VIRTUAL_ENV", "CONDA_PREFIX"])
def test_setup_installs_into_the_active_environment(
    checkout: Checkout, active: str, variable: str
) -> None:
    done = checkout.make("setup", **{variable: active})
    assert done.returncode == 0, done.stderr
    assert checkout.installs() == [
        f"{active}|{checkout.root}|install|-c|constraints.txt|-e|.[dev]",
    ]
    assert checkout.oracles() == [f"{active}|{checkout.root}{ORACLES}"]
    assert not (checkout.root / ".venv").exists()


def test_setup_takes_uv_if_it_is_there(checkout: Checkout, active: str) -> None:
    write_program(checkout.bin / "uv", 'echo "$@" >> "$PIP_LOG"')
    done = checkout.make("setup", VIRTUAL_ENV=active)
    assert done.returncode == 0, done.stderr
    python = f"pip install --python {active}/bin/python"
    assert checkout.log.read_text().splitlines() == [
        f"{python} -c constraints.txt -e .[dev]",
        f"{python} --no-deps -r tests/oracles.txt",
    ]


def test_setup_makes_an_environment_where_none_is_active(checkout: Checkout) -> None:
    for _ in range(2):
        done = checkout.make("setup")
        assert done.returncode == 0, done.stderr
    assert (checkout.root / ".venv" / "bin" / "pip").exists()
    (install,) = checkout.installs()
    assert install.startswith(f"{checkout.root / '.venv'}|")


@pytest.mark.parametrize("changed", ["constraints.txt", "pyproject.toml"])
def test_setup_installs_again_only_when_the_pins_change(
    checkout: Checkout, active: str, changed: str
) -> None:
    checkout.make("setup", VIRTUAL_ENV=active)
    (checkout.root / changed).touch()
    checkout.make("setup", VIRTUAL_ENV=active)
    assert len(checkout.installs()) == 1
    with (checkout.root / changed).open("a") as file:
        file.write("# other\n")
    for _ in range(2):
        checkout.make("setup", VIRTUAL_ENV=active)
    assert len(checkout.installs()) == 2


def test_setup_installs_again_for_another_checkout(checkout: Checkout, active: str) -> None:
    checkout.make("setup", VIRTUAL_ENV=active)
    checkout.root = checkout.root.rename(checkout.root.with_name("moved"))
    checkout.make("setup", VIRTUAL_ENV=active)
    assert [install.split("|")[1] for install in checkout.installs()] == [
        str(checkout.root.with_name("a clone")),
        str(checkout.root),
    ]


def test_broken_installation_does_not_count(checkout: Checkout, active: str) -> None:
    checkout.make("setup", VIRTUAL_ENV=active)
    pinned = (checkout.root / "constraints.txt").read_text()
    (checkout.root / "constraints.txt").write_text(pinned + "# other\n")
    broken = checkout.make("train", VIRTUAL_ENV=active, PIP_STATUS="1")
    assert broken.returncode != 0
    assert "multitask fit" not in broken.stdout
    assert "Traceback" not in broken.stderr
    (checkout.root / "constraints.txt").write_text(pinned)
    assert checkout.make("setup", VIRTUAL_ENV=active).returncode == 0
    assert len(checkout.installs()) == 3


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("exit 1", "python3 is missing or older than 3.11"),
        (f'case "$2" in *venv*) exit 1;; esac; {PYTHON}', "python3 lacks the module venv"),
    ],
    ids=["old", "no venv"],
)
def test_unfit_python3_is_named_in_one_sentence(
    checkout: Checkout, script: str, sentence: str
) -> None:
    write_program(checkout.bin / "python3", script)
    refused = checkout.make("train")
    sentences = [line for line in refused.stderr.splitlines() if not line.startswith("make")]
    assert refused.returncode != 0
    assert len(sentences) == 1
    assert sentence in sentences[0]
    assert not (checkout.root / ".venv").exists()


def test_old_active_environment_is_named_in_one_sentence(checkout: Checkout) -> None:
    pretend = "import sys; sys.version_info = (3, 10); import runpy; runpy.run_path(sys.argv[1], "
    pretend += "run_name='__main__')"
    write_program(checkout.bin / "python", f'set -- -c "{pretend}" "$@"; {PYTHON}')
    refused = checkout.make("train", CONDA_PREFIX=str(checkout.bin.parent))
    assert refused.returncode != 0
    assert "is older than 3.11: activate an environment" in refused.stderr
    assert not checkout.installs()


def test_oldest_python_is_the_same_everywhere() -> None:
    (oldest,) = SpecifierSet(PROJECT["requires-python"])
    as_tuple = f"sys.version_info < ({oldest.version.replace('.', ', ')})"
    for name in ("Makefile", "scripts/install.py"):
        text = (ROOT / name).read_text()
        assert as_tuple in text
        assert f"older than {oldest.version}" in text


def test_clean_removes_leftovers_and_keeps_runs(checkout: Checkout) -> None:
    leftovers = [
        "build/lib",
        "src/multitask.egg-info",
        ".ruff_cache/x",
        "src/multitask/__pycache__",
    ]
    kept = ["runs/digits/__pycache__", ".venv/lib/__pycache__", "src/multitask/balancing"]
    for folder in leftovers + kept:
        (checkout.root / folder).mkdir(parents=True)
    for _ in range(2):
        done = checkout.make("clean")
        assert done.returncode == 0, done.stderr
    assert not [folder for folder in leftovers if (checkout.root / folder).exists()]
    assert not [folder for folder in kept if not (checkout.root / folder).exists()]


def test_ci_lints_and_tests(checkout: Checkout, tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".ci", checkout.root / ".ci")
    write_program(checkout.bin / "make", 'echo "$PWD" "$@"')
    done = subprocess.run(
        [checkout.root / ".ci" / "run"],
        cwd=tmp_path,
        env=checkout.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [f"{checkout.root} lint", f"{checkout.root} test"]


def test_no_source_or_test_is_ignored_by_git() -> None:
    """As src/multitask/runs would be, were all folders called runs ignored."""
    sources = [
        str(path.relative_to(ROOT))
        for folder in ("src", "tests", "configs", "notebooks", "benchmarks", "scripts", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in (".py", ".yaml", ".ipynb", ".md", ".png") and path.is_file()
    ]
    assert "src/multitask/runs/folder.py" in sources
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", *sources],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout.splitlines() == []
