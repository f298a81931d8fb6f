"""Encoders of texts: what they give, what they refuse, and that padding does not count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from multitask.encoders import BagOfTokens, Encoder, LowRank, TextConvNet, TextTransformer
from multitask.errors import InputError

END = -1
MAKERS: dict[str, Callable[[], Any]] = {
    "bag": lambda: BagOfTokens(20, 8),
    "deep bag": lambda: BagOfTokens(20, 8, hidden=[6, 4], dropout=0.2),
    "transformer": lambda: TextTransformer(20, 6, 8),
    "no layer": lambda: TextTransformer(20, 6, 8, layers=0),
    "convolutions": lambda: TextConvNet(20, 8, [3, 1, 5]),
    "a layer": lambda: TextTransformer(20, 6, 8, layers=1, dropout=0),
}


@pytest.fixture(params=MAKERS)
def encoder(request: pytest.FixtureRequest) -> Any:
    torch.manual_seed(0)
    return MAKERS[request.param]().double().eval()


def texts() -> Tensor:
    """Three texts: of five tokens, of three, and a missing one."""
    rows = [[0, 5, 6, 7, 19, END], [0, 7, 6, END, END, END], [0, END, END, END, END, END]]
    return torch.tensor(rows, dtype=torch.int32)


def vectors(encoder: Any, text: Tensor) -> Tensor:
    found: Tensor = encoder.form.vector(encoder(text))
    return found


def test_a_text_is_tokens_of_the_form(encoder: Any) -> None:
    found = encoder(texts())
    assert encoder.form.misfit(found) is None
    assert found[0].shape == (3, 6, 8)
    assert torch.equal(found[1], texts() >= 0)
    assert encoder(texts()[:0])[0].shape == (0, 6, 8)


def test_padding_does_not_count(encoder: Any) -> None:
    wide = vectors(encoder, texts())
    assert wide.isfinite().all()
    torch.testing.assert_close(vectors(encoder, texts()[:, :5]), wide, atol=1e-14, rtol=0)
    alone = [vectors(encoder, text[text >= 0][None]) for text in texts()]
    torch.testing.assert_close(torch.cat(alone), wide, atol=1e-14, rtol=0)


def test_the_stages_are_the_encoder(encoder: Any) -> None:
    found: Any = texts()
    for place, stage in enumerate(encoder.stages()):
        found = stage(found)
        if place < len(encoder.stages()) - 1:
            assert found[0].shape[2] == encoder.stage_features()[place]
    assert torch.equal(found[0], encoder(texts())[0])
    assert len(encoder.stage_features()) == len(encoder.stages()) - 1


def test_every_weight_learns(encoder: Any) -> None:
    encoder.train()
    (vectors(encoder, texts()) * torch.randn(3, 8, dtype=torch.float64)).sum().backward()
    still = [
        n for n, each in encoder.named_parameters() if each.grad is None or not each.grad.any()
    ]
    assert still == []


def test_depths_have_no_gaps(encoder: Any) -> None:
    depths = encoder.depths()
    assert depths.keys() == {name for name, _ in encoder.named_parameters()}
    assert {*depths.values()} == {*range(max(depths.values()) + 1)}
    assert depths["embedding.tokens.weight"] == 0


def test_another_has_the_same_settings(encoder: Any) -> None:
    other = encoder.another()
    shapes = [{n: v.shape for n, v in each.state_dict().items()} for each in (encoder, other)]
    assert shapes[0] == shapes[1]
    assert not torch.equal(other.embedding.tokens.weight, encoder.embedding.tokens.weight)


def test_a_graph_takes_any_batch_and_any_length(encoder: Any) -> None:
    axes = {0: torch.export.Dim("batch", min=1), 1: torch.export.Dim("places", min=1, max=6)}
    graph = torch.export.export(encoder, (texts(),), dynamic_shapes=(axes,)).module()
    for text in (texts(), texts()[:1, :3]):
        torch.testing.assert_close(graph(text)[0], encoder(text)[0])


def test_order_counts_for_all_but_bags() -> None:
    turned = torch.tensor([[0, 19, 7, 6, 5, END]], dtype=torch.int32)
    for name, make in MAKERS.items():
        encoder = make().double().eval()
        same = torch.allclose(vectors(encoder, turned), vectors(encoder, texts()[:1]))
        assert same == ("bag" in name), name


def test_changes_of_low_rank_reach_the_attention() -> None:
    encoder = LowRank(TextTransformer(20, 6, 8), rank=2, layers=["qkv"])
    vectors(encoder, texts()).sum().backward()
    learnt = [name for name, each in encoder.named_parameters() if each.requires_grad]
    assert len(learnt) == 4
    assert all("qkv" in name for name in learnt)


def test_the_input_has_the_name_that_it_is_given() -> None:
    assert TextTransformer(20, 6, 8, input="review").inputs == ("review",)
    assert BagOfTokens(20).inputs == ("text",)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"vocabulary": 19}, "vocabulary is 19, but the text 'text' contains the token 19; set"),
        ({"length": 4}, "length is 4, but a text has 5 tokens; set it to at least 5, or have"),
        ({"input": "text"}, ""),
    ],
)
def test_texts_that_do_not_fit_are_refused(change: dict[str, Any], words: str) -> None:
    encoder = TextTransformer(**{"vocabulary": 20, "length": 6, "out_features": 8, **change})
    if not words:
        encoder.check_inputs([texts()], "model.encoder")
        return
    with pytest.raises(InputError, match=f"^model.encoder.init_args.{words}"):
        encoder.check_inputs([texts()], "model.encoder")


def test_numbers_are_not_a_text() -> None:
    encoder = BagOfTokens(20, input="numbers")
    with pytest.raises(InputError, match="input is 'numbers', which is not a text but torch.float"):
        encoder.check_inputs([torch.rand(2, 3)], "model.encoder")


def test_a_longer_text_is_refused_by_the_network_itself() -> None:
    with pytest.raises(InputError, match="length is 5, but a text has 6 tokens"):
        TextTransformer(20, 5, 8)(texts())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: TextTransformer(20, heads=3), "heads is 3, which does not divide 64 features"),
        (lambda: TextTransformer(20, layers=-1), "layers is -1; give 0 or more"),
        (lambda: TextTransformer(20, dropout=1), "dropout is 1; give a share from 0 to below 1"),
        (
            lambda: TextConvNet(20, widths=[3, 4]),
            r"widths is \[3, 4\]; give an odd number for each",
        ),
        (lambda: BagOfTokens(0), "vocabulary is 0; give at least 1"),
    ],
)
def test_settings_that_make_no_sense(make: Callable[[], Encoder], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make()
