"""What is learned from a few labels."""

from __future__ import annotations

import copy
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from multitask import MultiTask
from multitask.encoders import MLP, ConvNet, Encoder
from multitask.encoders.forms import Form, Maps
from multitask.errors import InputError
from multitask.few_shot import (
    AllParameters,
    FromScratch,
    HeadOnly,
    Learner,
    Prototypes,
    Samples,
    encoder_of,
)
from multitask.heads import MLPHead
from multitask.sharing import CrossStitch, MMoE
from multitask.tasks import (
    Classification,
    DenseRegression,
    GaussianRegression,
    QuantileRegression,
    Regression,
    Segmentation,
    Task,
)
from multitask.training.batch_norm import synchronize_batch_norm
from multitask.training.batch_statistics import batch_norms

LEARNERS: list[Learner] = [HeadOnly(10), Prototypes(), AllParameters(2), FromScratch(2)]
VECTORS: dict[str, Regression] = {
    "number": Regression(),
    "vector": Regression(2, loss=nn.L1Loss()),
    "normal": GaussianRegression(2),
    "quantiles": QuantileRegression(2),
}
ids = [each.name for each in LEARNERS]


class TinyMaps(Encoder):
    """Two maps of an image."""

    form: Form = Maps([2, 3], [1, 2])  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2))
        self.coarse = nn.Conv2d(2, 3, 2, 2)

    def forward(self, image: Tensor) -> list[Tensor]:
        found = self.fine(image)
        return [found, self.coarse(found)]


def images(count: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    kind = torch.arange(count) % 3
    return torch.rand(count, 1, 8, 8, generator=generator) + 0.5 * kind[:, None, None, None]


def support(count: int = 12) -> Samples:
    """Images whose brightness tells their class."""
    return Samples([images(count)], torch.arange(count) % 3)


def model(encoder: Encoder | None = None, **options: Any) -> MultiTask:
    torch.manual_seed(0)
    tasks: dict[str, Task] = {"one": Regression(), "other": Regression()}
    return MultiTask(encoder or ConvNet(1, [4, 4], 1, 8), tasks, **options)


def state(module: nn.Module) -> dict[str, Tensor]:
    return {name: each.clone() for name, each in module.state_dict().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("learner", LEARNERS, ids=ids)
def test_learns_classes_and_leaves_no_trace(learner: Learner) -> None:
    trained, task = model(), Classification(3)
    before, random, of_task = state(trained), torch.get_rng_state(), state(task)
    adapted = learner.adapt(trained, "kind", task, support())
    found = adapted.predict([images(9, seed=1)])
    assert found.shape == (9, 3)
    assert torch.allclose(found.sum(1), torch.ones(9))
    again = learner.adapt(trained, "kind", task, support()).predict([images(9, seed=1)])
    assert torch.equal(found, again)
    assert same(before, state(trained))
    assert same(of_task, state(task))
    assert torch.equal(random, torch.get_rng_state())
    # The encoder is the learner's own, and can be trained on.
    assert all(each.requires_grad for each in adapted.parameters())
    assert not any(one is other for one in trained.parameters() for other in adapted.parameters())


def test_what_changes_is_what_the_learner_says() -> None:
    trained = model()
    own = state(trained.encoder)
    changed = {
        each.name: [
            name
            for name, values in each.adapt(trained, "kind", Classification(3), support())
            .encoder.state_dict()
            .items()
            if not torch.equal(values, own[name])
        ]
        for each in LEARNERS
    }
    assert changed["head only"] == changed["prototypes"] == []
    counts = [name for name in own if name.endswith("num_batches_tracked")]
    for name in ("all parameters", "from scratch"):
        assert set(own) - set(changed[name]) <= set(counts)


@pytest.mark.parametrize("learner", LEARNERS, ids=ids)
def test_no_query_sample_matters_to_another(learner: Learner) -> None:
    """Not transductive: batch normalisation takes running statistics, whatever is asked with."""
    adapted = learner.adapt(model(), "kind", Classification(3), support())
    adapted.train()
    before = state(adapted)
    query = images(7, seed=2)
    alone = torch.cat([adapted.predict([each[None]]) for each in query])
    with_others = adapted.predict([torch.cat([query, 100 * images(20, seed=3)])])[:7]
    assert torch.allclose(alone, with_others, atol=1e-6)
    assert same(before, state(adapted))
    assert adapted.training


def test_statistics_are_those_of_the_support_set() -> None:
    samples = support()
    adapted = AllParameters(3).adapt(model(), "kind", Classification(3), samples)
    layers = batch_norms(adapted.encoder)
    name, first = next(iter(layers.items()))
    seen: list[Tensor] = []
    adapted.encoder.convolutions[0][1].register_forward_pre_hook(  # type: ignore[index, union-attr]
        lambda _, given: seen.append(given[0])
    )
    adapted.predict(samples.inputs)
    assert first.running_mean is not None
    assert torch.allclose(first.running_mean, seen[0].mean((0, 2, 3)), atol=1e-6)
    trained = model()
    frozen = AllParameters(3, batch_norm="frozen")
    kept = frozen.adapt(trained, "kind", Classification(3), samples)
    for name, layer in batch_norms(trained.encoder).items():
        assert torch.equal(layer.running_mean, batch_norms(kept.encoder)[name].running_mean)  # type: ignore[arg-type]


def test_prototypes_are_the_nearest_class_means() -> None:
    trained, query = model().eval(), [images(10, seed=4)]
    for head in (nn.Linear, partial(MLPHead, hidden=[3])):
        task = Classification(3, head=head)
        found = Prototypes().adapt(trained, "kind", task, support()).outputs(query)
        with torch.no_grad():
            features, asked = trained.encoder(images(12)), trained.encoder(query[0])
        means = torch.stack([features[at::3].mean(0) for at in range(3)])
        distances = -torch.cdist(asked, means).square()
        assert isinstance(found, Tensor)
        assert torch.allclose(found.softmax(1), distances.softmax(1), atol=1e-4)


@pytest.mark.parametrize("name", VECTORS)
@pytest.mark.parametrize(
    "learner", [LEARNERS[0], LEARNERS[2], LEARNERS[3]], ids=lambda each: each.name
)
def test_learns_numbers_in_their_units(learner: Learner, name: str) -> None:
    task = VECTORS[name]
    size = task.size
    target = 1000 + images(12).mean((1, 2, 3))[:, None].repeat(1, size)
    target[0, -1] = torch.nan
    found = learner.adapt(model(), name, task, Samples([images(12)], target))
    prediction = found.predict([images(5, seed=5)])
    assert prediction.shape == (5, size)
    assert (prediction - 1000.9).abs().max() < 5
    assert task.mean.abs().max() == 0


@pytest.mark.parametrize("task", [Segmentation(2), DenseRegression()], ids=["classes", "numbers"])
def test_maps_are_learned_from_an_encoder_of_maps(task: Task) -> None:
    bright = images(6)[:, 0] > 0.9
    target = bright.long() if isinstance(task, Segmentation) else bright.float()
    samples = Samples([images(6)], target)
    for learner in (HeadOnly(3), AllParameters(3), FromScratch(3)):
        adapted = learner.adapt(model(TinyMaps()), "map", task, samples)
        assert adapted.predict([images(4, seed=1)]).shape[-2:] == (8, 8)
        with pytest.raises(InputError, match="^'map': .*maps"):
            learner.adapt(model(), "map", task, samples)
    with pytest.raises(InputError, match="Prototypes: 'map' is a .*; remove Prototypes"):
        Prototypes().adapt(model(TinyMaps()), "map", task, samples)


def test_classes_of_an_encoder_of_maps() -> None:
    for learner in LEARNERS:
        adapted = learner.adapt(model(TinyMaps()), "kind", Classification(3), support())
        assert adapted.predict([images(4)]).shape == (4, 3)


def test_prototypes_are_of_classes_alone() -> None:
    samples = Samples([images(4)], torch.rand(4))
    with pytest.raises(InputError, match="'size' is a Regression, but only classes"):
        Prototypes().adapt(model(), "size", Regression(), samples)


def test_one_sample_keeps_the_running_statistics() -> None:
    one = Samples([images(1)], torch.tensor([3.0]))
    for learner in (HeadOnly(2), AllParameters(2), FromScratch(2)):
        found = learner.adapt(model(), "size", Regression(), one).predict([images(3)])
        assert found.isfinite().all()
    trained = model()
    kept = AllParameters(2).adapt(trained, "size", Regression(), one)
    for name, layer in batch_norms(trained.encoder).items():
        assert torch.equal(layer.running_mean, batch_norms(kept.encoder)[name].running_mean)  # type: ignore[arg-type]


@pytest.mark.parametrize("sharing", [MMoE, CrossStitch])
@pytest.mark.parametrize("learner", LEARNERS, ids=ids)
def test_a_trunk_of_several_parts_is_read_as_a_whole(sharing: Any, learner: Learner) -> None:
    trained = model(MLP(64, [], 5), sharing=sharing).eval()
    adapted = learner.adapt(trained, "kind", Classification(3), support())
    assert adapted.predict([images(4)]).shape == (4, 3)
    encoder = encoder_of(trained, [images(1)])
    with torch.no_grad():
        parts = torch.cat(trained.encoder(images(4)), 1)
        assert torch.equal(encoder.eval()(images(4)), parts)
    assert encoder.out_features == parts.shape[1]


def test_learns_within_a_test_loop_and_beside_other_processes() -> None:
    trained = model()
    expected = AllParameters(2).adapt(trained, "kind", Classification(3), support())
    synchronize_batch_norm(trained, on_gpu=False)
    with torch.inference_mode():
        samples = Samples([images(12) * 1.0], torch.arange(12) % 3)
        found = AllParameters(2).adapt(trained, "kind", Classification(3), samples)
        given = found.predict([images(3)])
    assert torch.equal(given, expected.predict([images(3)]))
    assert not any(type(each).__name__ == "GlobalBatchNorm" for each in found.modules())
    assert any(type(each).__name__ == "GlobalBatchNorm" for each in trained.modules())


def test_half_precision_is_learned_in_single() -> None:
    trained = model().bfloat16()
    for learner in LEARNERS:
        adapted = learner.adapt(trained, "kind", Classification(3), support())
        assert adapted.predict([images(2)]).dtype == torch.float32
        assert next(adapted.encoder.parameters()).dtype == torch.float32


def test_from_scratch_has_nothing_of_the_weights() -> None:
    one, other = model(), model()
    with torch.no_grad():
        for each in other.parameters():
            each.mul_(3)
    found = [
        FromScratch(2).adapt(each, "kind", Classification(3), support()) for each in (one, other)
    ]
    assert same(*map(state, found))


def test_a_network_that_was_given_cannot_be_made_anew() -> None:
    class Given(Encoder):
        def __init__(self, network: nn.Module) -> None:
            super().__init__()
            self.network, self.out_features = network, 4

        def forward(self, image: Tensor) -> Tensor:
            return self.network(image.flatten(1))

    trained = model(Given(nn.Linear(64, 4)))
    assert HeadOnly(2).adapt(trained, "kind", Classification(3), support())
    with pytest.raises(InputError, match="Given was given a network, which cannot be rebuilt"):
        FromScratch(2).adapt(trained, "kind", Classification(3), support())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: HeadOnly(-1), "HeadOnly: steps is -1; give 0 or more"),
        (lambda: FromScratch(learning_rate=0), "FromScratch: learning_rate is 0"),
        (lambda: AllParameters(batch_norm="query"), "batch_norm is 'query'; choose from"),  # type: ignore[arg-type]
        (lambda: Samples([images(2)], torch.zeros(3)), r"inputs of \[2\] samples and 3 targets"),
        (lambda: Samples([], torch.zeros(0)), "at least one"),
    ],
)
def test_refuses_in_one_sentence(make: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
    with pytest.raises(InputError, match="no samples to predict"):
        copy.copy(HeadOnly(1).adapt(model(), "kind", Classification(3), support())).predict(
            [images(0)]
        )
