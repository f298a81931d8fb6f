"""A model's parameters by who uses them, and its multiply-adds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from multitask import MultiTask
from multitask.encoders import MLP, ConvNet, Encoder
from multitask.sharing import CrossStitch, MMoE
from multitask.tasks import Classification, Regression
from multitask.training.model_size import multiply_adds, parameter_counts


def model(encoder: Encoder, sharing: type | None = None) -> MultiTask:
    torch.manual_seed(0)
    tasks = {"kind": Classification(3), "size": Regression()}
    return MultiTask(encoder, tasks, sharing=sharing)  # type: ignore[arg-type]


def test_parameters_go_to_those_who_use_them() -> None:
    found = parameter_counts(model(MLP(12, [8], 6), MMoE))
    encoder = 12 * 8 + 8 * 6 + 2 * (8 + 6)
    assert found == {
        "parameters": encoder + 4 * 7 * 64 + 2 * 7 * 4 + 4 * 65,
        "shared_parameters": encoder + 4 * 7 * 64,
        "own_parameters": 2 * 7 * 4,
        "head_parameters": 4 * 65,
    }


def test_multiply_adds_of_linear_layers_are_their_weights() -> None:
    assert multiply_adds(model(MLP(12, [8], 6)), [torch.rand(5, 1, 3, 4)]) == 12 * 8 + 8 * 6 + 6 * 4


@pytest.mark.parametrize("sharing", [None, CrossStitch])
def test_they_are_half_of_what_torch_counts(sharing: type | None) -> None:
    found = model(ConvNet(), sharing).eval()
    with FlopCounterMode(display=False) as counter:
        found(torch.rand(1, 1, 24, 24))
    assert multiply_adds(found, [torch.rand(7, 1, 24, 24)]) == counter.get_total_flops() // 2


class Attending(Encoder):
    """A layer of attention, which torch fuses in evaluation mode."""

    out_features = 8

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)

    def forward(self, image: Tensor) -> Tensor:
        return self.layer(image.flatten(2)).mean(1)


def test_fused_attention_is_counted() -> None:
    places, width, hidden = 3, 8, 16
    linear = places * (4 * width * width + 2 * width * hidden)
    wanted = linear + 2 * places * places * width + 4 * width
    assert multiply_adds(model(Attending()), [torch.rand(2, 3, 2, 4)]) == wanted


def test_counting_leaves_no_trace_and_takes_no_sample() -> None:
    found = model(ConvNet()).train()
    found.encoder.convolutions[0].eval()  # type: ignore[union-attr, index]
    modes = [each.training for each in found.modules()]
    state = {name: each.clone() for name, each in found.state_dict().items()}
    random = torch.get_rng_state()
    assert multiply_adds(found, [torch.rand(0, 1, 24, 24)]) == 379_264
    assert modes == [each.training for each in found.modules()]
    assert all(torch.equal(each, state[name]) for name, each in found.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
