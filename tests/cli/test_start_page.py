"""What docs/transfer.md says of starting from another run runs as it stands."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
import yaml
from cli.conftest import QUICK, ROOT

from multitask.after.loading import load
from multitask.cli.arguments import prepare
from multitask.cli.command_line import CommandLine

PAGE = (ROOT / "docs/transfer.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Start from another run\n")[1].split("\n## ")[0]
PAGE_RUN = "runs/digits_pretrain/20261128-120000-1a2b3c"
SHORT = [*QUICK, "--trainer.limit_train_batches=2"]


def blocks(kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", SECTION, re.S)


def test_a_run_starts_from_another_and_outlives_it(
    multitask: Callable[..., None],
    fails: Callable[..., str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("configs").symlink_to(ROOT / "configs")
    run = ""
    for line in "".join(blocks("bash")).splitlines():
        if line.startswith("RUN="):
            (found,) = Path("runs/digits_pretrain").iterdir()
            run = str(found)
        else:
            _, *arguments = shlex.split(line.replace("$RUN", run))
            multitask(*arguments, *SHORT)
    said = capsys.readouterr().out
    (example,) = blocks("text")
    assert example.strip().replace("runs/digits_pretrain/...", run) in said
    (new,) = Path("runs/digits_single").iterdir()
    told = yaml.safe_load((new / "provenance.yaml").read_text())["started_from"]
    assert [(each["setting"], each["run"]) for each in told] == [("FromRun", Path(run).name)]
    sentence = fails(
        "fit",
        "--config=configs/experiment/digits_single.yaml",
        "--model.encoder=FromRun",
        f"--model.encoder.checkpoint={run}",
        "--data.transforms=[{class_path: torchvision.transforms.v2.RGB}]",
    )
    assert "the checkpoint's encoder expects 1 channel, but the images have 3" in sentence
    check_snippets(Path(run))
    shutil.rmtree(run)
    multitask("resume", str(new), "--trainer.max_epochs=2")
    multitask("test", f"--ckpt_path={new}/checkpoints/best.ckpt", *QUICK[:4])
    assert load(new).model.inputs == ("image",)
    (begun,) = Path("runs/digits").iterdir()
    multitask("resume", str(begun), "--trainer.max_epochs=2")
    assert torch.load(begun / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 4


def check_snippets(run: Path) -> None:
    """The page's configurations are those of an encoder, and its Python runs."""
    best = Path("best.ckpt")
    best.write_bytes((run / "checkpoints/best.ckpt").read_bytes())
    weights = timm.create_model("resnet10t", num_classes=0, in_chans=3).state_dict()
    torch.save({f"backbone.{name}": each for name, each in weights.items()}, "weights.pth")
    for text in blocks("yaml"):
        config = yaml.safe_load((ROOT / "configs/experiment/digits_single.yaml").read_text())
        config["model"] |= yaml.safe_load(text.replace(PAGE_RUN, str(run)))["model"]
        Path("snippet.yaml").write_text(yaml.safe_dump(config))
        model = CommandLine(prepare(["fit", "--config=snippet.yaml"])).model
        assert "FromRun" not in str(model.hparams)
        assert model.encoder.source.sentence  # type: ignore[union-attr]
    (code,) = blocks("python")
    exec(compile(code, "docs/transfer.md", "exec"), {})
