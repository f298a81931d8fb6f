"""``multitask robustness``: a run's own data, tables, and what is refused."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from after.made_models import described
from lightning.pytorch import Trainer
from PIL import Image
from torchvision.transforms import v2

from multitask import MultiTask
from multitask.after.robustness import plan
from multitask.encoders import ConvNet
from multitask.robustness.corruptions import KINDS
from multitask.tasks import Classification, Regression
from multitask.training.data_check import check_data

PAGE = (Path(__file__).parents[2] / "docs/robustness.md").read_text()
DIGITS = Path(__file__).parents[2] / "configs/experiment/digits.yaml"
DATA = {"class_path": "multitask.data.Digits", "init_args": {"image_size": 12}}
NORMALIZE = {
    "class_path": "torchvision.transforms.v2.Normalize",
    "init_args": {"mean": [0.3], "std": [0.4]},
}
QUICK = ("--eps=0.02,0.1", "--l2=none", "--steps=2", "--restarts=1", "--samples=40")


@pytest.fixture(autouse=True)
def _few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "Plan", partial(plan.Plan, resamples=10))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run's folder, whose model has random weights."""
    from multitask.data import Digits

    torch.manual_seed(0)
    folder = tmp_path / "runs/digits/20261128-120000-1a2b3c"
    model = MultiTask(ConvNet(1, [4, 8]), {"digit": Classification(10), "ink": Regression()})
    data = Digits(image_size=12, transforms=[v2.Normalize([0.3], [0.4])])
    data.setup()
    check_data(model.named_tasks, data, "train")
    model.description = described(model.named_tasks, (1, 12, 12), [NORMALIZE])
    saver = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, barebones=True)
    saver.strategy.connect(model)
    (folder / "checkpoints").mkdir(parents=True)
    saver.save_checkpoint(folder / "checkpoints/best.ckpt")
    told: dict[str, Any] = {**DATA, "init_args": {"image_size": 12, "transforms": [NORMALIZE]}}
    (folder / "config.yaml").write_text(yaml.safe_dump({"seed_everything": 0, "data": told}))
    (tmp_path / "best.ckpt").write_bytes((folder / "checkpoints/best.ckpt").read_bytes())
    rows = ["file_name,digit,ink"]
    for place in range(12):
        pixels = torch.randint(256, (12, 12), generator=torch.Generator().manual_seed(place))
        Image.fromarray(pixels.byte().numpy()).save(tmp_path / f"{place}.png")
        rows.append(f"{place}.png,{place % 10},{place}")
    (tmp_path / "labelled.csv").write_text("\n".join(rows))
    return folder


def test_the_commands_of_the_page(
    run: Path,
    multitask: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    empty_pictures: None,
) -> None:
    section = PAGE.split("## Robustness of a trained model")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.DOTALL)
    own, alone = block.splitlines()
    multitask(*shlex.split(own)[1:], *QUICK)
    said = capsys.readouterr().out
    assert "attacks on all tasks" in said
    assert "Corrupted: digit accuracy is" in said
    (folder,) = run.glob("robustness/*")
    told = json.loads((folder / "robustness.json").read_text())
    assert told["samples"] == 40
    assert told["plan"]["eps"] == [0.02, 0.1]
    assert {row["task"] for row in told["metrics"]} == {"digit", "ink"}
    assert {row["change"] for row in told["metrics"]} == {"none", "attack", *KINDS}
    assert (folder / "provenance.yaml").exists()
    multitask(*shlex.split(alone)[1:], "--corruptions=false")
    assert len(list(Path("robustness").iterdir())) == 1
    assert list(run.glob("robustness/*")) == [folder]


def test_bad_input_is_one_sentence(run: Path, fails: Callable[..., str]) -> None:
    def said(*options: str) -> str:
        return fails("robustness", str(run), *options)

    assert "so 8/255 is 0.0314" in said("--eps=8")
    assert "one run or checkpoint; give --table=other.csv" in said("other.csv")
    for wrong in ("a", "8/0", "8/"):
        usual = f"--eps={wrong}: give numbers, as in --eps=0.01,0.02,0.05, or none"
        assert usual in said(f"--eps={wrong}")
    assert "eps is 1.125; pixels are between 0 and 1" in said("--eps=9/8")
    assert "--steps is -1; give a whole number" in said("--steps=-1")
    assert "write true or false" in said("--corruptions=yes")
    assert "nothing to measure" in said("--eps=none", "--l2=none", "--corruptions=false")
    assert "no such setting; did you mean 'steps'" in said("--step=3")
    assert "remove it, or the table" in said("--table=labelled.csv", "--split=val")
    assert "there is no table" in said("--table=none.csv")
    assert "expects one run or checkpoint" in fails("robustness")
    assert "there is no such checkpoint" in fails("robustness", "none.ckpt")
    (run / "checkpoints/best.ckpt").unlink()
    assert "has no checkpoints/best.ckpt; give a run that has been validated once" in said()
    assert not Path("robustness").exists()
    assert not (run / "robustness").exists()


def test_the_pages_callbacks_are_settings_of_a_training(multitask: Callable[..., None]) -> None:
    several = [yaml.safe_load(each) for each in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
    ours = [each for each in several if "RobustEvaluation" in str(each)]
    assert len(ours) == 2
    Path("more.yaml").write_text(yaml.safe_dump(ours[0]))
    for other in ours[1:]:
        Path("other.yaml").write_text(yaml.safe_dump(other))
        quick = ("--trainer.fast_dev_run=true", "--trainer.enable_progress_bar=false")
        multitask("fit", f"--config={DIGITS}", "--config=other.yaml", *quick)
    short = ("limit_train_batches=2", "limit_val_batches=1", "limit_test_batches=1", "max_epochs=1")
    quiet = ("enable_progress_bar=false", "accelerator=cpu")
    trainer = [f"--trainer.{each}" for each in (*short, *quiet)]
    settings = ("--run.wandb=off", "--run.figures=false")
    multitask("fit", f"--config={DIGITS}", "--config=more.yaml", *trainer, *settings)
    (summary,) = Path("runs").glob("*/*/summary.json")
    told = json.loads(summary.read_text())
    for name in ("robust/inf-0.02", "corrupted", "corrupted/jpeg-5"):
        assert f"test/{name}/digit/accuracy" in told["metrics"]
    assert isinstance(told["best_score"], float)


def test_the_table_of_the_page_has_the_strengths() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.+) \| (.+) \|$", PAGE.split("## Corruptions")[1], re.M)
    told = {name: (meaning, strengths) for name, meaning, strengths in rows}
    assert told == {
        name: (kind.meaning, ", ".join(f"{each:g}" for each in kind.strengths))
        for name, kind in KINDS.items()
    }
