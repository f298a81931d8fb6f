"""Several encoders joined to one, of samples that lack some inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from multitask.encoders import (
    MLP,
    BagOfTokens,
    Columns,
    ConvNet,
    Encoder,
    LowRank,
    Several,
    TextTransformer,
)
from multitask.encoders.joins import DropInputs
from multitask.errors import InputError

NAN, END = float("nan"), -1
JOINS = ("concatenate", "attention")
join = pytest.mark.parametrize("join", JOINS)


def several(join: Any = "concatenate", drop: float = 0.0) -> Several:
    torch.manual_seed(0)
    parts: dict[str, Encoder] = {
        "image": MLP(16, [6], 5, batch_norm=False),
        "text": TextTransformer(20, 4, 8),
        "numbers": Columns([1, 3], [4], 3),
    }
    return Several(parts, 7, join, drop).double()


def batch() -> list[Tensor]:
    """Two whole samples, three that lack one input each, one that lacks all."""
    torch.manual_seed(1)
    image, numbers = torch.rand(6, 1, 4, 4).double(), torch.rand(6, 2).double()
    text = torch.tensor([[0, 5, 6, END]] * 6, dtype=torch.int32)
    image[2], text[3, 1:], numbers[4] = NAN, END, NAN
    image[5], text[5, 1:], numbers[5] = NAN, END, NAN
    # A cell that is missing is not a row that is.
    numbers[0, 0] = NAN
    return [image, text, numbers]


def test_the_inputs_are_those_of_all_in_order() -> None:
    encoder = several()
    assert encoder.inputs == ("image", "text", "numbers")
    twice = {"image": ConvNet(), "two": BagOfTokens(9), "one": TextTransformer(9)}
    assert Several(twice).inputs == ("image", "text")
    assert encoder.lacking(batch()).tolist() == [False] * 5 + [True]


@join
def test_missing_inputs_give_no_nan_and_no_gradient(join: str) -> None:
    encoder = several(join)
    image, text, numbers = batch()
    image.requires_grad_()
    found = encoder(image, text, numbers)
    assert found.shape == (6, 7)
    assert encoder.form.misfit(found) is None
    assert found.isfinite().all()
    (found * torch.randn(6, 7)).sum().backward()
    assert image.grad is not None
    assert image.grad.isfinite().all()
    assert image.grad[:2].any()
    assert not image.grad[[2, 5]].any()
    for name, each in encoder.named_parameters():
        assert each.grad is not None, name
        assert each.grad.isfinite().all(), name
        assert each.grad.any(), name


@join
def test_what_stands_in_a_missing_input_does_not_count(join: str) -> None:
    encoder = several(join).eval()
    inputs = batch()
    before = encoder(*inputs)
    with torch.no_grad():
        for each in encoder.parts["image"].parameters():
            each.add_(1)
    after = encoder(*inputs)
    same = [torch.equal(one, two) for one, two in zip(before, after, strict=True)]
    assert same == [False, False, True, False, False, True]
    assert not torch.equal(before[5], before[2])


@join
def test_padding_and_other_samples_do_not_count(join: str) -> None:
    encoder, (image, text, numbers) = several(join).eval(), batch()
    whole = encoder(image, text, numbers)
    short = encoder(image, text[:, :3], numbers)
    torch.testing.assert_close(short, whole, atol=1e-14, rtol=0)
    alone = [encoder(image[at, None], text[at, None], numbers[at, None]) for at in range(6)]
    torch.testing.assert_close(torch.cat(alone), whole, atol=1e-14, rtol=0)


@pytest.mark.parametrize("given", [True, False])
def test_inputs_are_dropped_in_training_but_never_all(given: bool) -> None:
    torch.manual_seed(0)
    drop = DropInputs(3, 0.6)
    present = torch.rand(4000, 3) < 0.7
    present[0] = False
    drop.draws = torch.rand(4000, 3) if given else None
    kept = drop(present)
    assert not (kept & ~present).any()
    assert torch.equal(kept.any(1), present.any(1))
    alone, both = present.sum(1) == 1, present.sum(1) == 3
    assert torch.equal(kept[alone], present[alone])
    # Each of three stays if it is not drawn, or drawn with the others and the largest.
    assert (kept[both].float().mean(0) - (0.4 + 0.6**3 / 3)).abs().max() < 0.05
    if given:
        assert torch.equal(drop(present), kept)
    assert torch.equal(drop.eval()(present), present)


def test_a_missing_input_gets_no_attention_but_if_all_are_missing() -> None:
    encoder: Any = several("attention").eval()
    torch.nn.init.normal_(encoder.join.query)
    before = encoder(*batch())
    with torch.no_grad():
        encoder.join.missing += 1 + torch.arange(7)
    after = encoder(*batch())
    assert torch.equal(after[:5], before[:5])
    assert not torch.allclose(after[5], before[5])


def test_a_dropped_input_is_as_a_missing_one() -> None:
    encoder, (image, text, numbers) = several(drop=0.5), batch()
    encoder.parts["text"].eval()
    encoder.drop.draws = torch.tensor([[0.9, 0.2, 0.9]]).expand(6, 3)
    dropped = encoder(image, text, numbers)[0]
    text[:, 1:] = END
    torch.testing.assert_close(encoder.eval()(image, text, numbers)[0], dropped)


@join
def test_layers_are_counted_from_the_end(join: str) -> None:
    encoder = several(join)
    depths = encoder.depths()
    assert depths.keys() == {name for name, _ in encoder.named_parameters()}
    assert {*depths.values()} == {0, 1, 2, 3}
    assert depths["encoders.text.embedding.tokens.weight"] == 0
    assert depths["encoders.image.layers.1.weight"] == 1
    assert depths["encoders.numbers.layers.1.0.weight"] == 2
    assert {at for name, at in depths.items() if name.startswith("join")} == {3}


def test_another_has_parts_of_its_own() -> None:
    encoder: Any = several("attention", 0.2)
    other = encoder.another()
    shared = {id(each) for each in encoder.parameters()} & {id(each) for each in other.parameters()}
    assert shared == set()
    assert other.drop.probability == 0.2
    other.double().load_state_dict(encoder.state_dict())
    assert torch.equal(other.eval()(*batch()), encoder.eval()(*batch()))


def test_several_in_several() -> None:
    inner = Several({"text": BagOfTokens(20, 4), "numbers": Columns([1, 3])}, 5)
    outer = Several({"image": MLP(16), "rest": inner}, 6, drop=0.5).double()
    assert outer.inputs == ("image", "text", "numbers")
    found = outer(*batch())
    assert found.isfinite().all()
    assert outer.lacking(batch()).tolist() == [False] * 5 + [True]


def test_changes_of_low_rank() -> None:
    encoder = LowRank(several(), rank=1)
    found = encoder(*batch())
    assert encoder.takes_missing
    assert found.isfinite().all()
    learnt = [name for name, each in encoder.named_parameters() if each.requires_grad]
    assert any(name.startswith("encoders.text.layers.0.qkv.changes") for name in learnt)


@join
def test_a_graph_takes_any_batch(join: str) -> None:
    encoder, inputs = several(join).eval(), tuple(batch())
    axes = tuple({0: torch.export.Dim("batch", min=1)} for _ in inputs)
    graph = torch.export.export(encoder, inputs, dynamic_shapes=(axes,)).module()
    some = [each[1:4] for each in inputs]
    torch.testing.assert_close(graph(*some), encoder(*some))


def test_values_are_checked_by_each_encoder() -> None:
    image, text, numbers = batch()
    text[0, 1] = 99
    setting = "model.encoder.init_args.encoders.text.init_args.vocabulary is 20"
    with pytest.raises(InputError, match=setting):
        several().check_inputs([image, text, numbers], "model.encoder")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Several({}), "encoders is empty"),
        (lambda: Several({"values": MLP(4)}), "cannot be called 'values'"),
        (lambda: Several({"a.b": MLP(4)}), "cannot be called 'a.b'"),
        (lambda: Several({"a": MLP(4)}, join="sum"), "join is 'sum'; give one of concatenate"),  # type: ignore[arg-type]
        (lambda: Several({"a": MLP(4)}, drop=1.0), "drop is 1.0; give a share from 0 to below 1"),
    ],
)
def test_settings_that_make_no_sense(make: Callable[[], nn.Module], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
