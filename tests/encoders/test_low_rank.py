"""An encoder that learns changes of low rank."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from multitask import MultiTask
from multitask.callbacks import Unfreezing
from multitask.checkpoints.recipe import recipe
from multitask.checkpoints.source import weights_are_in
from multitask.encoders import MLP, ConvNet, Encoder, LowRank, Merged, Timm, TimmMaps
from multitask.encoders.low_rank_layers import add_changes, changed_layers, merge_changes
from multitask.errors import InputError
from multitask.sharing import NDDR, CrossStitch
from multitask.tasks import Classification
from multitask.training.model_size import multiply_adds, parameter_counts

MAKERS: dict[str, tuple[Callable[[], Encoder], tuple[int, ...]]] = {
    "ConvNet": (ConvNet, (4, 1, 24, 24)),
    "MLP": (partial(MLP, 12), (4, 1, 3, 4)),
    "ViT": (partial(Timm, "test_vit", options={"img_size": 64}), (2, 3, 64, 64)),
    "grouped": (partial(TimmMaps, "test_efficientnet"), (2, 3, 64, 64)),
}


def filled(encoder: Encoder) -> Encoder:
    """With changes that are not zero."""
    for layer in changed_layers(encoder).values():
        changes: Any = layer.changes
        for change in changes:
            nn.init.normal_(change.up, std=0.1)
    return encoder


def same(one: Any, other: Any) -> bool:
    pairs = [(one, other)] if isinstance(one, Tensor) else zip(one, other, strict=True)
    return all(torch.equal(*pair) for pair in pairs)


@pytest.mark.parametrize("name", MAKERS)
def test_it_begins_as_the_encoder_and_can_be_merged(name: str) -> None:
    make, shape = MAKERS[name]
    encoder, image = make().eval(), torch.rand(shape)
    wanted, names = encoder(image), list(encoder.state_dict())
    found = LowRank(encoder, 3).eval()
    assert same(found(image), wanted)
    assert set(names) < set(found.state_dict())
    assert found.form == make().form
    assert set(found.depths()) == {each for each, _ in found.named_parameters()}
    values = filled(found)(image)
    assert not same(values, wanted)
    for copied in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert same(copied(image), values)
    merged = Merged(found)
    assert type(merged) is type(make())
    assert list(merged.state_dict()) == names
    assert all(each.requires_grad for each in merged.parameters())
    assert_close(merged(image), values, atol=1e-4, rtol=1e-3)


def test_only_the_changes_learn_and_have_as_many_parameters_as_they_say() -> None:
    found = LowRank(ConvNet(), 4)
    trained = {name: each for name, each in found.named_parameters() if each.requires_grad}
    assert all(".changes.0." in name for name in trained)
    shapes = [(8, 25), (16, 72), (32, 144), (64, 288)]
    assert sum(each.numel() for each in trained.values()) == sum(4 * (o + i) for o, i in shapes)


def test_statistics_of_batch_normalisation_stay() -> None:
    torch.manual_seed(0)
    found = LowRank(MLP(12), 2).train()
    before = {name: each.clone() for name, each in found.named_buffers()}
    found(torch.rand(8, 1, 3, 4)).sum().backward()
    assert all(torch.equal(each, before[name]) for name, each in found.named_buffers())
    assert found.training
    assert found.layers.training
    assert all(each.training for each in Merged(found).modules())


class Switched(MLP):
    """Does something else in training mode."""

    def forward(self, image: Tensor) -> Tensor:
        return super().forward(image) * (2 if self.training else 1)


def test_the_mode_reaches_the_encoder_itself() -> None:
    found, image = LowRank(Switched(12), 2).eval(), torch.rand(2, 1, 3, 4)
    wanted = 2 * found(image)
    # As a callback sets it, which does not go through `train`.
    found.training = True
    assert torch.equal(found(image), wanted)


def test_attention_of_torch_sees_the_changes() -> None:
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    add_changes(layer, 2)
    assert set(changed_layers(layer)) == {"self_attn.out_proj", "linear1", "linear2"}
    tokens = torch.rand(2, 3, 8)
    before = layer(tokens)
    for each in changed_layers(layer).values():
        changes: Any = each.changes
        nn.init.normal_(changes[0].up)
    with torch.no_grad():
        fused = layer(tokens)
    assert not torch.allclose(fused, before, atol=1e-2)
    assert_close(fused, layer(tokens), atol=1e-5, rtol=1e-4)
    merge_changes(layer)
    assert_close(layer(tokens), fused, atol=1e-5, rtol=1e-4)


def test_the_change_is_the_product_times_alpha_by_rank() -> None:
    layer = nn.Conv2d(4, 6, 3, groups=2)
    own = layer.weight.detach().clone()
    add_changes(layer, 2, factor=1.5)
    changes: Any = layer.changes
    nn.init.normal_(changes[0].up)
    wanted = own + 1.5 * (changes[0].up @ changes[0].down).reshape(6, 2, 3, 3)
    assert_close(layer.weight, wanted)
    found = LowRank(MLP(12), 2, alpha=3)
    assert found.layers[1].changes[0].factor == 1.5


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["qkv"], 6),
        (["attn.qkv", "blocks.0"], 6 + 3),
        (["network.blocks.1.mlp.fc1"], 1),
    ],
)
def test_layers_are_chosen_by_their_names(names: list[str], wanted: int) -> None:
    make, _ = MAKERS["ViT"]
    assert len(changed_layers(LowRank(make(), 2, names))) == wanted


class Tied(MLP):
    """Two layers of one weight."""

    def __init__(self) -> None:
        super().__init__(8, [8], 8)
        self.layers[4].weight = self.layers[1].weight


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: LowRank(ConvNet(), 0), "rank is 0; give a whole number of at least 1"),
        (lambda: LowRank(ConvNet(), 2, alpha=-1), "alpha is -1; give a number above 0"),
        (lambda: LowRank(ConvNet(), 100), "give at most 52"),
        (lambda: LowRank(ConvNet(), 7, ["convolutions"]), "'convolutions.0.0' would have at"),
        (lambda: LowRank(ConvNet(), 2, ["embeding"]), "did you mean 'embedding'"),
        (lambda: LowRank(ConvNet(), 2, [""]), "matches ''; its layers are convolutions.0.0"),
        (lambda: LowRank(ConvNet(), 2, []), "layers is empty"),
        (lambda: LowRank(Tied(), 2), "'layers.1' and 'layers.4' share one weight"),
        (lambda: LowRank(LowRank(MLP(12), 2), 2), "put multitask.encoders.Merged in between"),
        (lambda: Merged(MLP(12)), "MLP has no low-rank changes"),
    ],
)
def test_what_cannot_be_is_refused(make: Callable[[], Encoder], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        make()


def test_a_compiled_encoder_is_refused() -> None:
    encoder = MLP(12)
    encoder._compiled_call_impl = encoder._call_impl
    with pytest.raises(InputError, match="the encoder is already compiled"):
        LowRank(encoder, 2)


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(InputError, match="no linear or convolution layer"):
        add_changes(nn.BatchNorm1d(3), 2)


def test_a_checkpoint_describes_it_by_the_encoder_within() -> None:
    told = recipe(LowRank(MLP(12), 2, ["layers.1"]))
    assert told["class_path"].endswith("LowRank")
    assert told["init_args"]["encoder"]["class_path"].endswith("MLP")
    assert told["init_args"]["rank"] == 2


def test_a_run_that_continues_takes_the_encoder_of_its_own_checkpoint(tmp_path: Any) -> None:
    (tmp_path / "own.ckpt").touch()
    # `FromRun` then gives what the run has, changes included.
    with weights_are_in(tmp_path / "own.ckpt"):
        assert len(changed_layers(LowRank(LowRank(MLP(12), 2), 2))) == 2
        assert type(Merged(MLP(12))) is MLP


def test_columns_have_frozen_weights_and_changes_each() -> None:
    trunk: Any = CrossStitch(MLP(12).form, ["a", "b"]).trunk(LowRank(MLP(12), 2))
    one, two = (list(each.parameters()) for each in trunk.columns.values())
    pairs = list(zip(one, two, strict=True))
    assert all(a is not b and a.requires_grad == b.requires_grad for a, b in pairs)
    assert trunk(torch.rand(2, 1, 3, 4))[1].shape == (2, 64)


def test_nothing_thaws_the_weights(model: MultiTask) -> None:
    frozen = {name for name, each in model.named_parameters() if not each.requires_grad}
    bases = {f"encoder.layers.{place}" for place in (1, 2, 4, 5)}
    assert {name.rpartition(".")[0] for name in frozen} == bases
    assert not any("changes" in name for name in frozen)
    plan = Unfreezing(["encoder"], {"encoder": 0})
    plan._parameters = {
        each: begin
        for each, begin in plan.plan.parameters(model).items()
        if each.requires_grad and begin == 0
    }
    plan._release()
    assert {name for name, each in model.named_parameters() if not each.requires_grad} == frozen


def test_rates_go_by_the_layers(model: MultiTask) -> None:
    model.rates = type(model.rates)(layer_decay=0.5)
    names = [name for name, _ in model.named_parameters()]
    found = model.rates.of(model, names)
    assert found["encoder.layers.1.changes.0.up"].multiplier == 0.25
    assert found["encoder.layers.4.changes.0.down"].multiplier == 0.5


def test_its_multiply_adds_are_those_of_the_encoder(model: MultiTask) -> None:
    plain = MultiTask(MLP(12), {"kind": Classification(3)})
    image = torch.rand(5, 1, 3, 4)
    assert multiply_adds(model, [image]) == multiply_adds(plain, [image])
    more = parameter_counts(model)["shared_parameters"] - parameter_counts(plain)["parameters"]
    assert more + 3 * 65 == 2 * (12 + 256 + 256 + 64)


@pytest.fixture
def model() -> MultiTask:
    """A model of one task whose encoder is of low rank."""
    return MultiTask(LowRank(MLP(12), 2), {"kind": Classification(3)})


def test_its_stages_give_as_many_features_as_those_of_the_encoder_within() -> None:
    assert LowRank(MLP(12, hidden=[8]), 2).stage_features() == [8]
    tasks = {"kind": Classification(3), "more": Classification(2)}
    found = MultiTask(LowRank(MLP(12, hidden=[8]), 2), tasks, sharing=NDDR)
    assert list(found.sharing.mixing()) == ["after stage 1", "after stage 2"]
