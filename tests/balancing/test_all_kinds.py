"""Every balancer takes tasks of all kinds at once: maps, classes, counts, directions and boxes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor
from torchjd.scalarization import DWA, FAMO, STCH, UW, Random

from multitask import MultiTask
from multitask.balancing import (
    Balancer,
    FixedWeights,
    GradientBalancer,
    GradNorm,
    Scalarized,
    ScaleInvariant,
    weightings,
)
from multitask.data.digits import source_digits
from multitask.data.scene_rendering import draw_scenes, place_cards
from multitask.data.scenes import event_times, scene_targets
from multitask.encoders import TimmMaps
from multitask.errors import InputError
from multitask.missing_labels import missing_like
from multitask.tasks import (
    Angle,
    Box,
    Classification,
    Count,
    Depth,
    Detection,
    Edges,
    Hazard,
    MultiLabel,
    Normals,
    Ordinal,
    Segmentation,
    Task,
)
from multitask.training import has_loss

SCENES = 8
KINDS: dict[str, Callable[[], Task]] = {
    "classes": partial(Segmentation, 11),
    "depth": Depth,
    "normals": Normals,
    "edges": Edges,
    "boxes": partial(Detection, 10),
    "count": Count,
    "present": partial(MultiLabel, [str(digit) for digit in range(10)]),
    "digit": partial(Classification, 10),
    "angle": Angle,
    "size": partial(Ordinal, 5),
    "box": Box,
    "time": partial(Hazard, 4),
}
SHARED = partial(GradientBalancer, level="shared")
TAKEN: dict[str, Callable[[], Balancer]] = {
    "fixed weights": FixedWeights,
    "random weights": lambda: Scalarized(Random()),
    "STCH": lambda: Scalarized(STCH(0.1)),
    "IMTL-G": lambda: GradientBalancer(weightings.IMTLG()),
    "MGDA": lambda: SHARED(weightings.MGDA()),
    "Nash": lambda: GradientBalancer(weightings.Nash()),
    "Aligned-MTL": lambda: GradientBalancer(weightings.AlignedMTL()),
    "FairGrad": lambda: GradientBalancer(weightings.FairGrad()),
    "PCGrad": lambda: SHARED(weightings.PCGrad()),
    "CAGrad": lambda: SHARED(weightings.CAGrad()),
    "UPGrad": lambda: SHARED(weightings.UPGrad()),
}
WITHOUT_DENSITIES: dict[str, Callable[[int], Balancer]] = {
    "UW": lambda tasks: Scalarized(UW(tasks)),
    "DWA": lambda tasks: Scalarized(DWA()),
    "FAMO": lambda tasks: Scalarized(FAMO(tasks)),
    "ScaleInvariant": lambda tasks: Scalarized(ScaleInvariant()),
    "GradNorm": lambda tasks: GradNorm(),
}


@pytest.fixture(scope="module")
def batch() -> dict[str, Tensor]:
    """Scenes of which half lack each label, and all lack their time."""
    generator = torch.Generator().manual_seed(0)
    glyphs, digits = source_digits()
    cards = place_cards(SCENES, len(glyphs), generator)
    drawn = draw_scenes(cards, glyphs, generator)
    targets = scene_targets(cards, digits, drawn)
    targets |= {name: targets[name].long() for name in ("classes", "edges")}
    for place, name in enumerate(KINDS):
        if name != "time":
            lost = torch.arange(SCENES) % 2 == place % 2
            targets[name][lost] = missing_like(targets[name][lost])
    targets["time"] = event_times(drawn["visible"].sum(1), cards, generator)
    return {"image": drawn["image"], **{name: targets[name] for name in KINDS}}


def stepped(balancer: Balancer, batch: dict[str, Tensor], *without: str) -> MultiTask:
    """A model after its first backward pass, in which no scene has its time."""
    tasks = {name: make() for name, make in KINDS.items() if name not in without}
    for name, task in tasks.items():
        task.learn_statistics(name, batch[name])
    torch.manual_seed(0)
    model = MultiTask(TimmMaps("test_resnet", levels=[1, 2]), tasks, balancer).train()
    losses, totals = model.losses(
        model(batch["image"]), {**batch, "time": missing_like(batch["time"])}
    )
    model.balancer(losses, has_loss(totals)).backward()
    model.balancer.after_backward()
    return model


def check_gradients(model: MultiTask) -> None:
    for name, head in model.heads.items():
        slopes = [each.grad for each in head.parameters()]
        known = [slope for slope in slopes if slope is not None]
        assert all(bool(slope.isfinite().all()) for slope in known), name
        learns = any(bool(slope.any()) for slope in known)
        assert learns == (name != "time"), name
    slopes = [each.grad for each in model.encoder.parameters()]
    assert all(slope is not None and bool(slope.isfinite().all()) for slope in slopes)
    assert any(bool(slope.any()) for slope in slopes if slope is not None)


@pytest.mark.parametrize("name", TAKEN)
def test_a_balancer_takes_all_kinds(name: str, batch: dict[str, Tensor]) -> None:
    check_gradients(stepped(TAKEN[name](), batch))


@pytest.mark.parametrize("name", WITHOUT_DENSITIES)
def test_one_of_positive_losses_takes_all_but_a_density(
    name: str, batch: dict[str, Tensor]
) -> None:
    make = WITHOUT_DENSITIES[name]
    with pytest.raises(InputError, match=f"{name}.*the loss of 'angle' is that of a density"):
        stepped(make(len(KINDS)), batch)
    check_gradients(stepped(make(len(KINDS) - 1), batch, "angle"))
