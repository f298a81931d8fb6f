"""Text models of Hugging Face as encoders."""

from __future__ import annotations

import builtins
import json
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from tiny_hugging_face import FEATURES, KINDS, PLACES, VOCABULARY, save_model, texts
from torch import Tensor
from transformers import AutoModel

from multitask import MultiTask
from multitask.checkpoints.recipe import recipe
from multitask.checkpoints.source import weight_files, weights_are_in
from multitask.configuration.trust import known_imports_only
from multitask.encoders import Encoder, HuggingFace, LowRank
from multitask.errors import InputError
from multitask.tasks import Classification


@pytest.fixture(autouse=True)
def _without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    return {kind: str(save_model(kind, folder)) for kind in KINDS}


def made(folders: dict[str, str], kind: str, **settings: Any) -> Any:
    torch.manual_seed(0)
    return HuggingFace(folders[kind], **settings).double()


def vectors(encoder: Encoder, text: Tensor) -> Tensor:
    return encoder.form.vector(encoder(text))


@pytest.mark.parametrize("kind", KINDS)
def test_it_gives_a_vector_for_each_token(folders: dict[str, str], kind: str) -> None:
    encoder = made(folders, kind).eval()
    found = encoder(texts())
    assert encoder.form.misfit(found) is None
    assert found[0].shape == (3, 6, FEATURES)
    assert torch.equal(found[1], texts() >= 0)


@pytest.mark.parametrize("kind", KINDS)
def test_padding_does_not_count(folders: dict[str, str], kind: str) -> None:
    encoder = made(folders, kind).eval()
    wide = vectors(encoder, texts())
    assert wide.isfinite().all()
    alone = [vectors(encoder, text[text >= 0][None]) for text in texts()]
    torch.testing.assert_close(torch.cat(alone), wide, atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", [each for each in KINDS if each not in ("t5", "xlnet")])
def test_it_computes_what_the_library_does(folders: dict[str, str], kind: str) -> None:
    theirs = AutoModel.from_pretrained(folders[kind], dtype=torch.float64)
    text = texts()[:1, :5].long()
    wanted = theirs(input_ids=text, attention_mask=torch.ones_like(text)).last_hidden_state
    found = made(folders, kind).eval()(texts()[:1, :5])[0]
    torch.testing.assert_close(found, wanted, atol=1e-12, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_every_parameter_that_learns_gets_a_gradient(folders: dict[str, str], kind: str) -> None:
    encoder = made(folders, kind).train()
    assert all(each.training for each in encoder.modules())
    values, mask = encoder(texts())
    (values * mask.unsqueeze(2) * torch.randn_like(values)).sum().backward()
    learns = {name: each for name, each in encoder.named_parameters() if each.requires_grad}
    assert [name for name, each in learns.items() if each.grad is None] == []
    still = [name for name, _ in encoder.named_parameters() if name not in learns]
    # XLNet has weights for a second stream of words that are to be predicted.
    assert bool(still) == (kind == "xlnet")


@pytest.mark.parametrize("kind", KINDS)
def test_depths_count_the_layers_without_gaps(folders: dict[str, str], kind: str) -> None:
    encoder = made(folders, kind)
    depths = encoder.depths()
    assert depths.keys() == {name for name, _ in encoder.named_parameters()}
    assert {*depths.values()} == {*range(max(depths.values()) + 1)}
    first, second = ([n for n in depths if f".{layer}." in n] for layer in (0, 1))
    assert {depths[n] for n in first[:3]} == {1}
    assert {depths[n] for n in second[-1:]} == {2}
    assert min(depths, key=lambda each: depths[each]).endswith(
        ("embeddings.weight", "wte.weight", "embed_tokens.weight", "mask_emb")
    )


def test_random_weights_and_options(folders: dict[str, str]) -> None:
    one = made(folders, "bert", pretrained=False, options={"num_hidden_layers": 1})
    assert max(one.depths().values()) == 1
    trained, again = made(folders, "bert"), made(folders, "bert")
    name = "network.embeddings.word_embeddings.weight"
    assert torch.equal(trained.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(trained.state_dict()[name], one.state_dict()[name])
    fewer = made(folders, "bert", options={"num_hidden_layers": 1})
    assert torch.equal(fewer.state_dict()[name], trained.state_dict()[name])
    eager = made(folders, "bert", options={"attn_implementation": "eager"}).eval()
    torch.testing.assert_close(eager(texts())[0], trained.eval()(texts())[0])


def test_the_second_of_two_texts_is_told_from_the_first(folders: dict[str, str]) -> None:
    pair = torch.tensor([[2, 5, 3, 7, 3, -1]], dtype=torch.int32)
    theirs = AutoModel.from_pretrained(folders["bert"], dtype=torch.float64)
    told = theirs(input_ids=pair[:, :5], token_type_ids=torch.tensor([[0, 0, 0, 1, 1]]))
    found = made(folders, "bert", separator=3).eval()(pair)[0][:, :5]
    torch.testing.assert_close(found, told.last_hidden_state, atol=1e-12, rtol=0)
    assert not torch.allclose(found, made(folders, "bert").eval()(pair)[0][:, :5])


@pytest.mark.parametrize("kind", ["bert", "t5"])
def test_its_recipe_needs_no_folder(kind: str, tmp_path: Path) -> None:
    folder = save_model(kind, tmp_path)
    encoder = HuggingFace(str(folder), options={"num_hidden_layers": 1, "vocab_size": 60}).eval()
    whole = LowRank(HuggingFace(str(folder)), rank=1)
    assert "config" in recipe(whole)["init_args"]["encoder"]["init_args"]
    wanted, told = encoder(texts())[0], recipe(encoder)["init_args"]
    assert json.loads(json.dumps(told)) == told
    rmtree(folder)
    with known_imports_only():
        again = HuggingFace(**{**told, "pretrained": False}).eval()
    again.load_state_dict(encoder.state_dict())
    assert torch.equal(again(texts())[0], wanted)
    with weights_are_in(tmp_path / "model.ckpt"):
        assert isinstance(encoder.another(), HuggingFace)


def test_weights_of_a_folder_are_told(folders: dict[str, str]) -> None:
    encoder = made(folders, "bert")
    model = MultiTask(encoder, {"kind": Classification(3)})
    (source,) = weight_files(model)
    assert source.path == f"{folders['bert']}/model.safetensors"
    assert source.sentence == f"The encoder has its 37 weights from {source.path}"


@pytest.mark.parametrize("kind", ["bert", "gpt2"])
def test_changes_of_low_rank_are_those_of_the_paper(folders: dict[str, str], kind: str) -> None:
    layers = {"bert": ["query", "value"], "gpt2": ["c_attn"]}[kind]
    plain = made(folders, kind).eval()
    encoder = LowRank(made(folders, kind), rank=2, layers=layers, alpha=4).eval()
    assert torch.equal(encoder(texts())[0], plain(texts())[0])
    named = dict(encoder.named_parameters())
    for name, each in named.items():
        if name.endswith(".up"):
            assert each.shape[1] == 2
            torch.nn.init.normal_(each)
    for name, layer in plain.named_modules():
        if name.endswith(tuple(layers)):
            change = 2 * named[f"{name}.changes.0.up"] @ named[f"{name}.changes.0.down"]
            # GPT-2 has the weights of its layers turned.
            layer.weight.data += change.T if kind == "gpt2" else change
    torch.testing.assert_close(encoder(texts())[0], plain(texts())[0])
    learnt = [name for name, each in encoder.named_parameters() if each.requires_grad]
    assert learnt == [name for name in named if ".changes." in name]
    encoder(texts())[0].sum().backward()
    assert all(named[name].grad is not None for name in learnt)
    torch.testing.assert_close(encoder.merged()(texts())[0], plain(texts())[0])


def test_texts_that_do_not_fit_are_refused(folders: dict[str, str]) -> None:
    for kind in ("bert", "roberta", "distilbert", "gpt2"):
        encoder = made(folders, kind)
        encoder.check_inputs([texts()], "model.encoder")
        encoder.eval()(texts()[:, [0] * PLACES])
        with pytest.raises(InputError, match=f"^model.encoder: .* has {PLACES + 1} tokens, but"):
            encoder.check_inputs([texts()[:, [0] * (PLACES + 1)]], "model.encoder")
        with pytest.raises(InputError, match=f"the token {VOCABULARY}, but .*tokenizer to a"):
            encoder.check_inputs([texts() + 1], "model.encoder")
    with pytest.raises(InputError, match="input is 'text', which is not a text but torch.float32"):
        encoder.check_inputs([torch.rand(2, 3)], "model.encoder")


def _of_a_stranger(folder: str) -> Any:
    with known_imports_only():
        return HuggingFace(folder)


def _with_weights_of_a_stranger(folder: str) -> Any:
    told = recipe(HuggingFace(folder))["init_args"]
    with known_imports_only():
        return HuggingFace(**told)


def _of_kind(kind: str) -> Callable[[str], Any]:
    return lambda folder: HuggingFace("x", config={"model_type": kind})


def _with(**options: Any) -> Callable[[str], Any]:
    return lambda folder: HuggingFace(folder, options=options)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: HuggingFace(""), "name is empty"),
        (lambda folder: HuggingFace("/no/folder"), "there is no folder '/no/folder'"),
        (lambda folder: HuggingFace("no-such/model"), "configuration of 'no-such/m.*network"),
        (
            lambda folder: HuggingFace(f"{folder}/.."),
            "configuration of .* folder is complete",
        ),
        (lambda folder: HuggingFace(folder, separator=3), "'gpt2' does not distinguish the first"),
        (_with(n_heads=2), "options: a 'gpt2' has no setting 'n_heads'; did you mean 'n_head'"),
        (_with(n_embd=32), r"do not fit: '.*bias' is \[48\] in the file, \[96\] here"),
        (_with(n_layer=3), "do not fit: 'h.2.* is missing"),
        (_with(n_head=3), "weights of .* cannot be loaded .*; correct options"),
        (_with(torch_dtype="bfloat16"), "torch_dtype cannot be set; set trainer.precision"),
        (_with(attn_implementation="a/kernel"), "is 'a/kernel'; choose eager or sdpa"),
        (_of_kind("vit"), "a 'vit', which is not a text-only model"),
        (_of_kind("clip"), "a 'clip', which is not a text-only model"),
        (_of_kind("evil"), "has the type 'evil', which transformers .* does not support"),
        (_of_a_stranger, "the configuration of the model .* is requested .*you trust it"),
        (_with_weights_of_a_stranger, "the weights of another file are requested"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(
    folders: dict[str, str], make: Callable[[str], Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        make(folders["gpt2"])


def test_without_the_library_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(
        InputError, match=r"needs .* transformers, .*pip install 'multitask\[text\]"
    ):
        HuggingFace("distilbert-base-uncased")


def test_code_that_comes_with_a_model_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_model("bert", tmp_path)
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"auto_map": {"AutoConfig": "evil.Evil", "AutoModel": "evil.Evil"}}
    asked: list[Any] = []
    monkeypatch.setattr(builtins, "input", lambda *_: asked.append(1) or "y")
    for kind in ("bert", "evil"):
        (folder / "config.json").write_text(json.dumps({**settings, "model_type": kind}))
        if kind == "evil":
            with pytest.raises(InputError, match="the configuration of .* cannot"):
                HuggingFace(str(folder))
        else:
            assert "auto_map" not in recipe(HuggingFace(str(folder)))["init_args"]["config"]
    assert not (tmp_path / "ran").exists()
    assert asked == []
