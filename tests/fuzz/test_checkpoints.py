"""Any checkpoint is loaded, tested and gone on from, or refused in one sentence."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections import OrderedDict
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import torch
from fuzz.campaign import attack
from fuzz.mutations import VALUES, changed
from fuzz.outcome import outcome
from hypothesis import strategies as st

from multitask import MultiTask
from multitask.cli.resume_command import resume_command
from multitask.cli.run_command import run_command

CONFIG = Path(__file__).parents[2] / "configs/experiment/plain_digits.yaml"
QUICK = (
    *("--trainer.accelerator=cpu", "--trainer.limit_train_batches=1", "--run.wandb=off"),
    *("--trainer.limit_val_batches=1", "--trainer.limit_test_batches=1", "--run.figures=false"),
    *("--trainer.enable_progress_bar=false", "--run.test_after_fit=false"),
)


class Stranger:
    """What no checkpoint of a run holds."""


TENSORS = st.sampled_from(
    [
        torch.zeros(()),
        torch.zeros(0),
        torch.zeros(3, 4),
        torch.full((10, 64), float("nan")),
        torch.zeros(64, 64, dtype=torch.int64),
        torch.zeros(64, dtype=torch.complex64),
        torch.zeros(64, 64).to_sparse(),
        torch.zeros(1).expand(10**12),
        torch.zeros(64, dtype=torch.float64),
        torch.zeros(5, dtype=torch.bool),
    ]
)
OBJECTS = st.sampled_from(
    [
        Stranger(),
        Stranger,
        date(2020, 1, 1),
        {1, 2},
        (1, 2),
        b"x",
        1j,
        OrderedDict(a=1),
        print,
        range(3),
    ]
)
CHANGES = st.one_of(VALUES, TENSORS, OBJECTS)


def trained() -> Path:
    """The folder of a run of one step."""
    run_command(["fit", f"--config={CONFIG}", *QUICK, "--trainer.max_epochs=1"])
    (folder,) = Path("runs").glob("*/*")
    return folder


def packed(content: Any) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def _with(content: dict[str, Any], key: str, value: Any) -> bytes:
    return packed({**content, key: value})


@st.composite
def damaged(draw: Any, whole: bytes) -> bytes:
    """A file with a bit turned, cut, or packed anew with other records."""
    how = draw(st.sampled_from(["bit", "cut", "packed", "lost", "pickle"]))
    at = draw(st.integers(0, len(whole) - 1))
    if how == "bit":
        return whole[:at] + bytes([whole[at] ^ (1 << draw(st.integers(0, 7)))]) + whole[at + 1 :]
    if how == "cut":
        return whole[:at]
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as old:
        records = [(each.filename, old.read(each)) for each in old.infolist()]
    chosen = draw(st.integers(0, len(records) - 1))
    if how == "lost":
        del records[chosen]
    if how == "pickle":
        chosen = next(at for at, (name, _) in enumerate(records) if name.endswith("data.pkl"))
        name, content = records[chosen]
        places = st.integers(0, len(content) - 1)
        for at in draw(st.lists(places, min_size=1, max_size=3)):
            content = content[:at] + draw(st.binary(min_size=1, max_size=2)) + content[at + 1 :]
        records[chosen] = name, content
    method = zipfile.ZIP_DEFLATED if how == "packed" else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", method) as new:
        for name, content in records:
            new.writestr(name, content)
    return file.getvalue()


USED_BY = {
    "load": ("hyper_parameters", "state_dict"),
    "test": ("state_dict", "multitask", "callbacks", "loops"),
    "resume": ("callbacks", "loops", "optimizer_states", "lr_schedulers", "random_states"),
}


def inputs(content: dict[str, Any]) -> st.SearchStrategy[tuple[str, bytes]]:
    """Verbs, and files made from what a checkpoint holds."""

    def of(verb: str) -> st.SearchStrategy[tuple[str, bytes]]:
        parts = [
            changed(content[key], CHANGES).map(lambda part, key=key: _with(content, key, part))
            for key in USED_BY[verb]
            if key in content
        ]
        files = st.one_of(changed(content, CHANGES).map(packed), *parts, damaged(packed(content)))
        return st.tuples(st.just(verb), files)

    return st.one_of(*(of(verb) for verb in USED_BY))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_any_checkpoint() -> None:
    folder = trained()
    path = folder / "checkpoints/last.ckpt"
    whole = path.read_bytes()
    content = torch.load(path, weights_only=True)
    before = {each: each.read_bytes() for each in folder.rglob("*") if each.is_file()}

    verbs = {
        "load": lambda: MultiTask.load_from_checkpoint(path, weights_only=True),
        "test": lambda: run_command(["test", f"--ckpt_path={path}", *QUICK]),
        "resume": lambda: resume_command([str(folder), *QUICK, "--trainer.max_epochs=2"]),
    }

    def try_checkpoint(given: tuple[str, bytes]) -> str | None:
        shutil.rmtree(folder)
        for file, text in before.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        path.write_bytes(given[1])
        return outcome(verbs[given[0]])

    for verb in verbs:
        assert try_checkpoint((verb, whole)) is None
    attack(try_checkpoint, inputs(content), examples=20)
