"""A stranger's way: the wheel alone, a new folder, and every command of its README."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from multitask.project.new_project import sources

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "src/multitask/project/template"
BUILT_FROM = ("src", "configs", "pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE")
# One process, as each of them would import everything anew. It begins outside of the project, whose
# package is found because it is installed.
TEST_TRAIN_EXPORT_AND_LOOK = """
import json
import os
import pytest
from IPython.terminal.interactiveshell import TerminalInteractiveShell
from IPython.utils.capture import capture_output
from multitask.cli.main import main

assert pytest.main(["-q", "birds"]) == 0
os.chdir("birds")
quick = ["--config", "trainer/cpu", "--trainer.max_epochs=1", "--run.figures=false"]
main(["fit", "--config", "configs/experiment/shapes.yaml", *quick])
(run,) = os.listdir("runs/shapes")
main(["export", f"runs/shapes/{run}", "--trust"])
shell = TerminalInteractiveShell.instance()
# Pictures too, which a terminal does not show.
shell.display_formatter.active_types = shell.display_formatter.format_types
with open("notebooks/first_look.ipynb", encoding="utf-8") as file:
    cells = json.load(file)["cells"]
with capture_output() as captured:
    for cell in cells:
        if cell["cell_type"] == "code":
            shell.run_cell("".join(cell["source"])).raise_error()
figures = [each for each in captured.outputs if "image/png" in each.data]
assert len(figures) >= 3, captured.outputs
"""


class Stranger:
    """A person with an environment of their own, into which the wheel is installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        environment = folder / "environment"
        self.bin = environment / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        # What the package depends on is installed already; a path in such a file shows the
        # packages of that folder, but not the repository to which it points.
        installed = sysconfig.get_path("purelib")
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        (environment / "lib" / python / "site-packages" / "others.pth").write_text(installed)
        hidden = ("PYTHON", "VIRTUAL_ENV", "PYTEST", "MPLBACKEND", "MULTITASK")
        kept = {name: each for name, each in os.environ.items() if not name.startswith(hidden)}
        self.environ = kept | {
            "PATH": f"{self.bin}{os.pathsep}{kept['PATH']}",
            "IPYTHONDIR": str(folder / "ipython"),
            "MULTITASK_CACHE": str(folder / "cache"),
            "OMP_NUM_THREADS": "1",
            # Those of the packages that are installed already take a second.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "WANDB_MODE": "disabled",
        }

    def __call__(self, *command: str) -> str:
        """Run a command, which must succeed; returns what it printed."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def install(self, *what: str) -> None:
        """Install, without looking for dependencies."""
        pip = [str(self.bin / "python"), "-m", "pip", "install", "--quiet", "--force-reinstall"]
        self(*pip, "--no-deps", "--no-build-isolation", "--no-compile", *what)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in BUILT_FROM:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    shutil.rmtree(folder / "src/multitask.egg-info", ignore_errors=True)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", folder / "dist", folder], check=True)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.mark.slow
def test_wheel_is_whole(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src/multitask"
    code = {path.relative_to(ROOT / "src") for path in package.rglob("*.py")}
    configs = {Path("multitask") / path.relative_to(ROOT) for path in ROOT.glob("configs/*/*.yaml")}
    template = {TEMPLATE.relative_to(ROOT / "src") / each for each in sources()}
    pages = {
        path.relative_to(ROOT / "src")
        for path in package.rglob("page.*")
        if path.parent.name != "__pycache__"
    }
    wanted = {str(each) for each in code | configs | template | pages} | {"multitask/py.typed"}
    assert wanted - names == set()
    (metadata,) = (each for each in names if each.endswith("/METADATA"))
    text = zipfile.ZipFile(wheel).read(metadata).decode()
    assert all(f"Provides-Extra: {extra}\n" in text for extra in ("export", "serve", "sweep"))


@pytest.mark.slow
def test_new_project_trains_tests_and_exports(wheel: Path, tmp_path: Path) -> None:
    stranger = Stranger(tmp_path)
    stranger.install(str(wheel))
    stranger("multitask", "new", "birds")
    stranger.install("--editable", "birds")

    said = stranger("python", "-c", TEST_TRAIN_EXPORT_AND_LOOK)
    assert "4 passed" in said
    assert "test/score" in said
    assert "Written, and run for comparison: best.onnx" in said
    # The package that was used is the wheel's.
    (used,) = (tmp_path / "environment").glob("lib/*/site-packages/multitask/configs/trainer")
    assert (used / "cpu.yaml").is_file()
