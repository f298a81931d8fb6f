"""The average of runs that started alike is a run of its own; others are refused."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from lightning.pytorch import Trainer
from tiny_training import TinyData, tiny_model

from multitask import MultiTask
from multitask.after.loading import load
from multitask.callbacks import WeightAverage
from multitask.checkpoints.format import KEY, START
from multitask.cli.arguments import prepare
from multitask.cli.check import check_arguments
from multitask.cli.main import main
from multitask.data import Digits
from multitask.encoders import ConvNet
from multitask.ensembles.soup import averaged
from multitask.runs.last_run import resumable_run
from multitask.runs.preflight import begin_with
from multitask.tasks import Classification, Regression
from multitask.training.description import describe

pytestmark = pytest.mark.filterwarnings("ignore")
ROOT = Path(__file__).parents[2]


class Runs:
    """Makes runs without training: their weights lie around the same start.

    Args:
        root: where their folders go.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data = Digits(seed=0, batch_size=100)
        self.data.setup()
        torch.manual_seed(0)
        tasks: dict[str, Any] = {"digit": Classification(10), "ink": Regression()}
        self.model = MultiTask(ConvNet(1, [4, 8]), tasks)
        for name, each in tasks.items():
            each.learn_statistics(name, self.data.targets("train")[name])
        self.first = {name: each.clone() for name, each in self.model.state_dict().items()}

    def __call__(self, name: str, start: str | None = "a", away: float = 0.02, **data: Any) -> Path:
        """Make one.

        Args:
            name: of its folder.
            start: digest of its starting weights.
            away: how far its weights are from the start.
            data: settings of the data.
        """
        folder = self.root / "fine" / name
        (folder / "checkpoints").mkdir(parents=True)
        settings = {"class_path": "multitask.data.Digits", "init_args": {"batch_size": 100, **data}}
        config = {"seed_everything": 0, "data": settings}
        (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        state = {
            key: each + away * torch.randn_like(each)
            if each.is_floating_point() and not key.startswith("tasks.") and "running" not in key
            else each
            for key, each in self.first.items()
        }
        self.model.load_state_dict(state)
        self.model.description = {**describe(self.model.named_tasks, self.data), START: start}
        saver = Trainer(accelerator="cpu", logger=False, barebones=True)
        saver.strategy.connect(self.model)
        saver.save_checkpoint(folder / "checkpoints/best.ckpt")
        return folder

    def change(self, folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
        """Change what a run's checkpoint holds."""
        path = folder / "checkpoints/best.ckpt"
        content = torch.load(path, weights_only=True)
        change(content)
        torch.save(content, path)


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path / "runs")


def state_of(folder: Path) -> dict[str, Any]:
    return torch.load(folder / "checkpoints/best.ckpt", weights_only=True)["state_dict"]


def soups(runs: Runs) -> list[Path]:
    return sorted((runs.root / "fine").glob("soup-*"))


def test_writes_the_average_as_a_run(runs: Runs, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [runs(f"räd {number}") for number in range(3)]
    for number, folder in enumerate(folders):
        # As if each had been trained, so that its batch normalisation has statistics of its own.
        runs.change(folder, lambda each, by=number: each["state_dict"][MEAN].add_(by))
    main(["soup", *map(str, folders)])
    (folder,) = soups(runs)
    found, states = state_of(folder), [state_of(each) for each in folders]
    name = next(key for key in found if key.startswith("heads.digit"))
    mean = torch.stack([each[name] for each in states]).double().mean(0)
    torch.testing.assert_close(found[name], mean.float(), rtol=0, atol=0)
    # Not averages of statistics, but those of the images of whatever order.
    assert not torch.allclose(found[MEAN], torch.stack([each[MEAN] for each in states]).mean(0))
    said = capsys.readouterr().out
    assert "räd 1: val/score" in said
    assert "Average of 3 runs: val/score" in said
    summary = json.loads((folder / "summary.json").read_text())
    assert 0 <= summary["metrics"]["test/digit/accuracy"] <= 1
    assert summary["best_score"] == pytest.approx(summary["metrics"]["val/score"])
    listed = yaml.safe_load((folder / "soup.yaml").read_text())
    assert listed == {"runs": [str(each) for each in folders]}
    # What follows training takes it.
    predicted = load(folder / "checkpoints/best.ckpt", device="cpu")(torch.zeros(2, 1, 8, 8).byte())
    assert predicted["digit"].sum(1).tolist() == pytest.approx([1, 1])


MEAN = "encoder.convolutions.1.1.running_mean"


def test_greedy_leaves_out_what_lowers_the_score(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = runs("good", away=0), runs("bad", away=0)
    fitted = _fitted_head(runs)
    runs.change(good, lambda each: each["state_dict"].update(fitted))
    runs.change(bad, lambda each: each["state_dict"].update(_negative(fitted)))
    main(["soup", str(bad), str(good), "--greedy"])
    said = capsys.readouterr().out
    assert "bad: val/score 0, not included" in said
    assert f"so this is {good} alone" in said
    (folder,) = soups(runs)
    assert all(torch.equal(each, state_of(good)[name]) for name, each in state_of(folder).items())


def _fitted_head(runs: Runs) -> dict[str, torch.Tensor]:
    """A head for the digits by least squares on the features of random weights."""
    batch = runs.data.splits["train"][torch.arange(1000)]
    runs.model.load_state_dict(runs.first)
    runs.model.eval()
    with torch.no_grad():
        features = runs.model.encoder(batch["image"])
        wanted = torch.nn.functional.one_hot(batch["digit"], 10).float()
        ones = torch.ones(len(features), 1)
        found = torch.linalg.lstsq(torch.cat([features, ones], 1), wanted, driver="gelsd").solution
    weight, bias = (name for name in runs.first if name.startswith("heads.digit."))
    return {weight: found[:-1].T.contiguous(), bias: found[-1].contiguous()}


def _negative(values: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: -each for name, each in values.items()}


def test_refuses_runs_of_other_starts(runs: Runs) -> None:
    one, other, unknown = runs("one"), runs("other", start="b"), runs("unknown", start=None)
    assert_refused([one, other], "these runs do not start from the same weights, so they have no")
    assert_refused([one, unknown], "does not record which weights its run started from")
    assert_refused([one, one], "is given twice")
    assert_refused([one], "one run is its own average; give at least two")
    assert_refused([one, runs.root / "nope"], "nope: there is no such checkpoint")
    assert_refused([one, runs.root / "fine"], "fine is neither the folder of a run")
    assert not soups(runs)


def test_refuses_runs_that_learnt_something_else(runs: Runs) -> None:
    one, other, shaped, named = (runs(name) for name in ("one", "other", "shaped", "named"))
    runs.change(other, lambda each: each["state_dict"]["tasks.ink.mean"].add_(1))
    assert_refused([one, other], "standardises 'ink' differently from")
    head = next(name for name in runs.first if name.startswith("heads.digit."))
    runs.change(shaped, lambda each: each["state_dict"].update({head: torch.zeros(3)}))
    assert_refused([one, shaped], f"its '{head}' is (3,)")

    def rename(content: dict[str, Any]) -> None:
        content[KEY]["description"]["tasks"]["digit"]["classes"] = list("abcdefghij")

    runs.change(named, rename)
    assert_refused([one, named], "learnt another task 'digit' than")
    diverged = runs("diverged")
    for value in (math.nan, math.inf):
        runs.change(diverged, lambda each, value=value: each["state_dict"][head].fill_(value))
        words = f"diverged has weights that are not finite numbers ({head})"
        assert_refused([one, diverged], words)
    seeing = runs("seeing")
    runs.change(seeing, lambda each: each[KEY]["description"].update(transforms=["other"]))
    assert_refused([one, seeing], "was trained with different transforms from")


def test_needs_validation_to_be_greedy(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Digits.load

    def without_validation(data: Digits) -> dict[str, Any]:
        return {name: each for name, each in whole(data).items() if name != "val"}

    monkeypatch.setattr(Digits, "load", without_validation)
    folders = [runs(name, without=["val"]) for name in ("one", "two")]
    assert_refused(folders, "--greedy needs a validation set", "--greedy")
    main(["soup", *map(str, folders)])
    assert len(soups(runs)) == 1


def test_tells_of_other_images_and_is_not_what_resume_continues(
    runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = runs("20260101-000000-1"), runs("20260101-000000-2")
    (other / "checkpoints/last.ckpt").touch()
    runs.change(other, lambda each: each[KEY]["training_images"].add_(1))
    earlier = runs.root / "fine/ensemble-20260101-000000-3"
    (earlier / "checkpoints").mkdir(parents=True)
    (earlier / "checkpoints/ensemble.ckpt").touch()
    main(["soup", str(one), str(other), str(earlier)])
    said = capsys.readouterr().out
    assert "was trained on other images than" in said
    assert f"Skipped: {earlier} is an ensemble" in said
    assert resumable_run(None, runs.root) == other


def assert_refused(folders: list[Path], sentence: str, *options: str) -> None:
    with redirect_stderr(StringIO()) as said, pytest.raises(SystemExit) as ended:
        main(["soup", *map(str, folders), *options])
    assert ended.value.code == 2
    assert said.getvalue().startswith("multitask: soup: ")
    assert sentence in said.getvalue()


def test_the_section_on_averaged_weights(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """What docs/uncertainty.md says of them runs as it stands, but for the trainings."""
    page = (ROOT / "docs/uncertainty.md").read_text(encoding="utf-8")
    section = page.split("\n## Averaged weights\n")[1].split("\n## ")[0]
    settings, *more = re.findall(r"```yaml\n(.*?)```", section, re.S)
    (callback,) = yaml.safe_load(settings)["trainer"]["callbacks"]
    assert callback["class_path"].endswith(WeightAverage.__name__)
    WeightAverage(**callback["init_args"])
    best = runs("20260101-000000-1") / "checkpoints/best.ckpt"
    runs("20260101-000000-2")
    monkeypatch.chdir(runs.root.parent)
    (runs.root.parent / "configs").symlink_to(ROOT / "configs")
    lines = [
        line
        for block in re.findall(r"```bash\n(.*?)```", section, re.S)
        for line in block.splitlines()
    ]
    fits = [line.replace("$BEST", str(best)) for line in lines if " fit " in line]
    for line in fits:
        check_arguments(prepare(shlex.split(line)[1:]))
    made = [line for line in lines if " soup " in line]
    for line in made:
        _, verb, pattern, *options = line.split()
        main([verb, *map(str, sorted(Path().glob(pattern))), *options])
    assert not more
    assert (len(lines), len(fits), len(made), len(soups(runs))) == (6, 3, 2, 2)


def test_an_average_keeps_what_is_no_weight() -> None:
    first = {
        "a": torch.tensor([1.0, 2.0]),
        "mask": torch.tensor([-torch.inf]),
        "n": torch.tensor(3),
    }
    other = {
        "a": torch.tensor([2.0, 4.0]),
        "mask": torch.tensor([-torch.inf]),
        "n": torch.tensor(5),
    }
    found = averaged([{**first, "tasks.b.mean": other["a"]}, {**other, "tasks.b.mean": first["a"]}])
    assert found["a"].tolist() == [1.5, 3.0]
    assert found["mask"].tolist() == [-torch.inf]
    assert int(found["n"]) == 3
    assert found["tasks.b.mean"].tolist() == [2, 4]


def test_a_run_tells_which_weights_it_started_from(
    trainer: Callable[..., Trainer], tmp_path: Path
) -> None:
    def start(path: Path) -> str:
        return torch.load(path, weights_only=True)[KEY][START]

    def fit(name: str, weights: Path | None = None, seed: int = 0, **settings: Any) -> Path:
        model, data = tiny_model(), TinyData()
        if seed:
            model.load_state_dict({key: each + seed for key, each in model.state_dict().items()})
        if weights is not None:
            data.setup("fit")
            begin_with(str(weights), model, data)
        made = trainer(**settings)
        made.fit(model, data, ckpt_path=settings.pop("ckpt_path", None))
        made.save_checkpoint(tmp_path / name)
        return tmp_path / name

    base, twin, other = fit("base"), fit("twin", max_epochs=2), fit("other", seed=1)
    assert start(base) == start(twin) != start(other)
    one, two = fit("one", base), fit("two", base, max_epochs=2, seed=1)
    assert start(one) == start(two) != start(base)
    # A run that continues keeps its start.
    model = tiny_model()
    model.load_state_dict({key: each + 1 for key, each in model.state_dict().items()})
    made = trainer(max_epochs=3)
    made.fit(model, TinyData(), ckpt_path=one, weights_only=True)
    made.save_checkpoint(tmp_path / "resumed")
    assert start(tmp_path / "resumed") == start(one)
