"""Every notebook runs from top to bottom, ends in a figure, and is stored without outputs.

Its trainings are cut short, but not by ``make notebooks``, which runs it as it stands.
"""

from __future__ import annotations

import os
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import local_provisioner
from nbclient import NotebookClient
from notebooks.forked_kernel import ForkedKernel

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))

# Some batches of each epoch, and more than one epoch.
FEW_BATCHES = "limit_train_batches=8,"
SHORTER = {
    "01_first_look": {"max_epochs=3,": f"max_epochs=2, {FEW_BATCHES}"},
    "02_your_own_images": {"max_epochs=12": "max_epochs=2"},
    "03_compare_balancers": {
        "STEPS, RATE = 680,": "STEPS, RATE = 20,",
        "max_epochs=2,": f"max_epochs=2, {FEW_BATCHES}",
    },
    "04_from_checkpoint_to_use": {"max_epochs=3,": f"max_epochs=2, {FEW_BATCHES}"},
    "05_uncertainty": {"max_epochs: 2,": "max_epochs: 2, limit_train_batches: 8,"},
    "06_robustness": {
        "max_epochs=3,": f"max_epochs=2, {FEW_BATCHES}",
        "steps=10) for eps": "steps=2) for eps",
        "limit_test_batches=3,": "limit_test_batches=2,",
    },
    "07_transfer": {
        "STEPS = 60": "STEPS = 12",
        "max_steps=STEPS,": f"max_steps=STEPS, {FEW_BATCHES}",
    },
    "08_what_the_tasks_share": {
        "STEPS = 60": "STEPS = 20",
        "max_steps=STEPS,": f"max_steps=STEPS, {FEW_BATCHES}",
    },
    "09_meta_learning": {
        "None, 4000, 20,": "None, 400, 20,",
        "600, 1, 0.01)": "60, 1, 0.01)",
        "max_steps=80,": "max_steps=8,",
    },
    "10_read_a_study": {
        "trainer.max_epochs: 2,": "trainer.max_epochs: 2, trainer.limit_train_batches: 8,"
    },
}
"""By notebook, what takes most of its time, and what the tests replace it with."""

each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@each_notebook
def test_is_stored_without_outputs(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code if cell.outputs or cell.execution_count is not None] == []
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.slow
@each_notebook
def test_runs_from_top_to_bottom(
    path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    # Nobody's own IPython settings; figures as in a notebook, whatever backend the tests use.
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.delenv("MPLBACKEND", raising=False)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    kernel = ForkedKernel()
    request.addfinalizer(kernel.kill)
    monkeypatch.setattr(local_provisioner, "launch_kernel", kernel.start)
    work = tmp_path / "work"
    work.mkdir()
    # Short, as the sockets of further processes lie in it.
    temporary = Path(mkdtemp())
    request.addfinalizer(lambda: rmtree(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    notebook = nbformat.read(path, as_version=4)
    if not os.environ.get("WHOLE_NOTEBOOKS"):
        _shorten(notebook, SHORTER[path.stem])
    client = NotebookClient(
        notebook, km=_this_python(), timeout=300, resources={"metadata": {"path": str(work)}}
    )
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.execution_count for cell in code)
    *_, last = [output for cell in code for output in cell.outputs]
    assert "image/png" in last.get("data", {})
    assert list(work.iterdir()) == []
    assert list(temporary.rglob("*.ckpt")) == []


def _shorten(notebook: nbformat.NotebookNode, replaced: dict[str, str]) -> None:
    for text, shorter in replaced.items():
        (cell,) = (each for each in notebook.cells if text in each.source)
        cell.source = cell.source.replace(text, shorter)


def _this_python() -> AsyncKernelManager:
    # Without folders of installed kernels, the one left is ipykernel's own: sys.executable.
    specs = KernelSpecManager(kernel_dirs=[])
    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
