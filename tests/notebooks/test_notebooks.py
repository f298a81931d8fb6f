"""Every notebook runs from top to bottom, ends in a figure, and is stored without outputs."""

from __future__ import annotations

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


def _this_python() -> AsyncKernelManager:
    # Without folders of installed kernels, the one left is ipykernel's own: sys.executable.
    specs = KernelSpecManager(kernel_dirs=[])
    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs)
