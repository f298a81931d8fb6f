"""What parts of texts and tables count, by leaving them out."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import torch
from after.text_models import IMAGE, NUMBERS, columns, told_text, written
from after.trained_table import write_images

from multitask import InputError
from multitask.after.explaining.answers import in_words
from multitask.after.explaining.explain import explain
from multitask.after.explaining.explanation import Wanted
from multitask.after.explaining.page import write_explanation
from multitask.after.explaining.parts import MOST_PARTS, Part, text_parts
from multitask.after.explaining.score import Choice
from multitask.after.inputs.written_text import WrittenText
from multitask.after.trained_model import TrainedModel
from multitask.encoders import BagOfTokens, ConvNet, Encoder, Several, TextTransformer
from multitask.tables.input_columns import InputColumns
from multitask.tasks import Classification, Regression, TokenLabels
from multitask.tokenizers import Bytes, HashedWords, Tokenizer

NOTHING = Choice({}, {})
WORDS = HashedWords(12, 500)


def of_texts(
    tokenizer: Tokenizer, *texts: str | list[str] | None, slow: bool = False
) -> list[Part]:
    column: str | list[str] = "a" if not isinstance(texts[0], list) else ["a", "b"]
    maker = WrittenText("text", InputColumns(column, tokenizer=tokenizer))
    rows = [each if isinstance(each, list) else [each] for each in texts]
    cells = {name: [row[at] for row in rows] for at, name in enumerate(maker.columns)}
    return list(text_parts(maker, cells, len(texts), slow))


def read(parts: list[Part], sample: int = 0) -> str:
    return "".join(
        f"{each.before}[{each.text}]{each.behind}" for each in parts if each.sample == sample
    )


def test_the_parts_of_a_text_are_its_tokens_as_they_were_written() -> None:
    parts = of_texts(WORDS, "It's a  GOOD film.", None)
    assert read(parts) == "[It]['][s] [a]  [GOOD] [film][.]"
    # Place 0 holds the beginning.
    assert [each.places for each in parts] == [(place,) for place in range(1, 8)]
    assert {each.sample for each in parts} == {0}


def test_two_texts_stand_beside_each_other_and_what_is_not_read_behind() -> None:
    parts = of_texts(HashedWords(7, 500), ["Is it? ", "It is, I think"])
    assert read(parts) == "[Is] [it][?]  | [It] [is], I think"
    # The separator has a place, and is not left out.
    assert [each.places[0] for each in parts] == [1, 2, 3, 5, 6]


def test_a_long_text_is_in_parts_of_several_tokens_unless_each_is_wanted() -> None:
    text = " ".join(f"w{number}" for number in range(100))
    parts = of_texts(HashedWords(200, 500), text)
    assert len(parts) <= MOST_PARTS
    assert parts[1].text == "w2 w3"
    assert read(parts).replace("[", "").replace("]", "") == text
    assert len(of_texts(HashedWords(200, 500), text, slow=True)) == 100


def test_a_character_of_several_bytes_is_one_part() -> None:
    parts = of_texts(Bytes(20), "aé東")
    assert read(parts) == "[a][é][東]"
    assert [each.places for each in parts] == [(1,), (2, 3), (4, 5, 6)]


def linear(size: int = 500) -> TrainedModel:
    """A mean of tokens' numbers, and a class by it."""
    encoder = BagOfTokens(size, 4)
    tasks = {"mood": Regression(scale="none"), "kind": Classification(2, classes=["good", "bad"])}
    return written(encoder, {"text": told_text(HashedWords(12, size))}, tasks)


def test_what_a_token_counts_is_the_change_without_it() -> None:
    torch.manual_seed(0)
    model = linear()
    (found,) = (
        explain(model, Wanted([], NOTHING, text="one two three")).effects["mood"].effects[None]
    )

    def mood(text: str) -> float:
        return model.predict(text)["mood"].item()

    without = [mood("two three"), mood("one three"), mood("one two")]
    right = torch.tensor([mood("one two three") - each for each in without])
    torch.testing.assert_close(found, right, atol=1e-6, rtol=1e-4)


def test_a_token_counts_for_the_labels_of_the_others() -> None:
    torch.manual_seed(0)
    encoder = TextTransformer(500, 12, 16, 1, 2)
    torch.nn.init.normal_(encoder.embedding.tokens.weight, std=0.5)
    told = {"text": told_text(WORDS)}
    model = written(encoder, told, {"tags": TokenLabels(["O", "NAME"])})
    found = explain(model, Wanted([], NOTHING, text="one two three")).effects["tags"].effects
    assert (found.abs() > 0).all()
    assert (found.abs() < 10).all()
    # A token does not depend on the others.
    alone = written(BagOfTokens(500, 8), told, {"tags": TokenLabels(["O", "NAME"])})
    found = explain(alone, Wanted([], NOTHING, text="one two three")).effects["tags"].effects
    assert found.tolist() == pytest.approx([0, 0, 0], abs=1e-6)


def test_leaving_out_agrees_with_the_gradients_of_the_embedding() -> None:
    torch.manual_seed(0)
    encoder = TextTransformer(500, 12, 16, 2, 2)
    torch.nn.init.normal_(encoder.embedding.tokens.weight, std=0.5)
    model = written(encoder, {"text": told_text(WORDS)}, {"mood": Regression(scale="none")})
    text = "one two three four five six seven eight"
    found = explain(model, Wanted([], NOTHING, text=text)).effects["mood"].effects
    tokens = WORDS([text]).tokens[:, :9]
    # A token's embedding, minus the mean of all, times the gradient.
    values: list[torch.Tensor] = []

    def keep(module: object, given: object, output: torch.Tensor) -> torch.Tensor:
        values.append(output.requires_grad_())
        return output

    hook = encoder.embedding.tokens.register_forward_hook(keep)
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(model.model(tokens)["mood"].sum(), values)
    hook.remove()
    embedded = values[0].detach()[0]
    other = (gradient[0] * (embedded - embedded.mean(0))).sum(1)[1:]
    assert torch.corrcoef(torch.stack([found, other]))[0, 1] > 0.5


def test_a_column_counts_what_changes_without_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = written(columns(), {"numbers": NUMBERS})
    table = tmp_path / "people.csv"
    table.write_text("age,sex,weight\n31,f,70000\n,m,60000\n40,q,1\n")
    found = explain(model, Wanted([str(table)], NOTHING))
    assert found.names == ["row 2", "row 3"]
    assert [each.text for each in found.parts] == [
        "age 31",
        "sex f",
        "weight 70000",
        "sex m",
        "weight 60000",
    ]
    assert "row 4 was skipped: column 'sex': 'q' is not one of its categories" in found.left_out
    (first,) = model.predict({"age": 31, "sex": "f", "weight": 70000})["size"]
    (without,) = model.predict({"sex": "f", "weight": 70000})["size"]
    # The task's deviation is about 10, and the effect is that of its standardised output.
    deviation = float(model.model.named_tasks["size"].deviation)  # type: ignore[arg-type]
    effect = float(found.effects["size"].effects[0])
    assert effect * deviation == pytest.approx(first - without, abs=1e-3)


def test_a_page_shows_the_parts_and_tables_have_their_numbers(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = linear()
    table = tmp_path / "texts.csv"
    table.write_text("review\nI like <b>it</b> much\n\nnone\n")
    found = explain(model, Wanted([str(table)], Choice({"kind": "bad"}, {})))
    folder = tmp_path / "page"
    folder.mkdir()
    page = write_explanation(found, folder, "multitask explain").read_text()
    assert '<mark class="' in page
    assert "<b>it" not in page
    assert "bad: " in page
    rows = pd.read_csv(folder / "tokens.csv")
    assert list(rows["text"][:4]) == ["I", "like", "<", "b"]
    assert set(rows["explained"]) == {"bad", "its number"}
    assert (rows["tokens"] == 1).all()
    assert not (folder / "attributions.csv").exists()
    (said,) = [each for each in in_words(found) if each.startswith("The strongest effects are")]
    assert "for mood '" in said
    assert any(each.startswith("row 4 was skipped: it") for each in found.left_out)


def test_a_text_for_a_model_that_needs_more() -> None:
    model = written(columns(), {"numbers": NUMBERS})
    with pytest.raises(InputError, match="made.ckpt accepts .*, for which one text is not enough"):
        explain(model, Wanted([], NOTHING, text="a text"))


def test_inputs_count_as_wholes_if_a_model_can_do_without(tmp_path: Path) -> None:
    torch.manual_seed(0)
    encoders: dict[str, Encoder] = {
        "image": ConvNet(1, [4]),
        "text": BagOfTokens(500, 4),
        "numbers": columns(),
    }
    told = {**IMAGE, "text": told_text(WORDS), "numbers": NUMBERS}
    model = written(Several(encoders, 8), told)
    write_images(tmp_path, 2)
    table = tmp_path / "all.csv"
    names = sorted(each.name for each in tmp_path.glob("*.png"))
    table.write_text(
        f"file_name,review,age,sex,weight\n{names[0]},two words,3,f,7\n{names[1]},,,,\n"
    )
    found = explain(model, Wanted([str(table)], NOTHING))
    of_inputs = [each for each in found.parts if not each.places]
    assert [(each.sample, each.text) for each in of_inputs] == [
        (sample, name) for sample in range(2) for name in ("image", "text", "numbers")
    ]
    effects = dict(zip(found.parts, found.effects["size"].effects.tolist(), strict=True))
    assert abs(effects[of_inputs[1]]) > 1e-3
    # What is missing anyway counts nothing.
    assert [effects[each] for each in of_inputs[4:]] == pytest.approx([0, 0], abs=1e-5)
    assert any(each.startswith("Pixels of images") for each in found.left_out)
    (tmp_path / "page").mkdir()
    write_explanation(found, tmp_path / "page", "multitask explain")
    rows = pd.read_csv(tmp_path / "page/inputs.csv")
    assert list(rows.columns) == ["sample", "task", "explained", "input", "effect"]
    assert set(pd.read_csv(tmp_path / "page/columns.csv")["column"]) == {"age", "sex", "weight"}
