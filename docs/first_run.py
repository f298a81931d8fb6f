"""Draw docs/first_run.png from finished runs.

for seed in 0 1 2; do
  multitask fit --config configs/experiment/digits_single.yaml --seed_everything=$seed
  multitask fit --config configs/experiment/digits.yaml --seed_everything=$seed
done
python docs/first_run.py runs
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import torch
import yaml
from matplotlib.figure import Figure, SubFigure

from multitask import MultiTask
from multitask.data import PosedDigits

EXPERIMENTS = {"digits_single": "digit alone", "digits": "digit and glyph"}
COLORS = ("#9ecae1", "#08519c")


def accuracies(root: Path) -> dict[str, dict[int, float]]:
    """Test accuracy of the class in percent, by experiment and seed."""
    found: dict[str, dict[int, float]] = {name: {} for name in EXPERIMENTS}
    for name, seeds in found.items():
        for run in sorted((root / name).iterdir()):
            seed = yaml.safe_load((run / "config.yaml").read_text())["seed_everything"]
            with (run / "metrics.csv").open(newline="") as file:
                values = {row["name"]: float(row["value"]) for row in csv.DictReader(file)}
            seeds[seed] = 100 * values["test/digit/accuracy"]
    return found


def draw_accuracies(figure: SubFigure, found: dict[str, dict[int, float]]) -> None:
    """Bars by seed."""
    axes = figure.subplots()
    for place, (name, label) in enumerate(EXPERIMENTS.items()):
        seeds = sorted(found[name])
        at = [seed + (place - 0.5) * 0.38 for seed in range(len(seeds))]
        bars = axes.bar(at, [found[name][seed] for seed in seeds], 0.36, color=COLORS[place])
        bars.set_label(label)
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.set_xticks(range(len(seeds)), [f"seed {seed}" for seed in seeds])
    axes.set(ylim=(0, 100), ylabel="test accuracy of the class (%)")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=2, fontsize=8, loc="upper center")


def draw_digits(figure: SubFigure, run: Path) -> None:
    """Test images, with the predicted class and thumbnail."""
    model = MultiTask.load_from_checkpoint(
        run / "checkpoints/best.ckpt", map_location="cpu", weights_only=True
    ).eval()
    data = PosedDigits(tasks=["digit", "glyph"], seed=0)
    data.setup()
    batch = data.splits["test"][torch.arange(6)]
    with torch.no_grad():
        predictions = model.predict(batch["image"])
    grid = figure.subplots(3, 6)
    thumbnails = [each["glyph"].view(-1, 4, 4) for each in (predictions, batch)]
    for row, images in enumerate([batch["image"][:, 0], *thumbnails]):
        for column, image in enumerate(images):
            axes = grid[row, column]
            axes.imshow(image.numpy(), cmap="gray", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
    for column, axes in enumerate(grid[0]):
        guess, truth = int(predictions["digit"][column].argmax()), int(batch["digit"][column])
        axes.set_title(f"{guess}", fontsize=10, color="black" if guess == truth else "crimson")
    for axes, text in zip(grid[:, 0], ("image", "predicted\nglyph", "true\nglyph"), strict=True):
        axes.set_ylabel(text, fontsize=8)
    figure.suptitle("predicted class (red: wrong)", fontsize=9)


def main(root: Path, path: Path) -> None:
    """Draw the picture."""
    figure = Figure(figsize=(9, 3.2), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
    draw_digits(left, sorted((root / "digits").iterdir())[0])
    draw_accuracies(right, accuracies(root))
    figure.savefig(path, dpi=160)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).with_name("first_run.png"))
