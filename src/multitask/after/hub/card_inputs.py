"""Description of a model's inputs on its card: images, texts, numbers and categories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from multitask.after.exporting.tokenizer_folder import TOLD, tokenizer_folder
from multitask.after.hub.hub_reading import ONNX
from multitask.after.inputs.written_columns import WrittenColumns
from multitask.after.inputs.written_text import WrittenText
from multitask.after.trained_model import IMAGE, TrainedModel
from multitask.pages.blocks import Block, Bullets, Code, Commands, Heading, Paragraph, Text
from multitask.pages.shown import shortened
from multitask.pages.words import counted, listed

MOST_COLUMNS, LONGEST = 20, 60


def is_of_images(trained: TrainedModel) -> bool:
    """Whether images are the only inputs of a model."""
    return list(trained.model.inputs) == [IMAGE]


def kinds(trained: TrainedModel) -> list[str]:
    """The kind of each input as the hub names it: ``image``, ``text`` or ``tabular``."""
    return [
        IMAGE
        if name == IMAGE
        else ("text" if isinstance(trained.written[name], WrittenText) else "tabular")
        for name in trained.model.inputs
    ]


def takes(trained: TrainedModel) -> str:
    """How the model uses its inputs, as the middle of a sentence."""
    if is_of_images(trained):
        return "looks at an image"
    words = {IMAGE: "an image", "text": "a text", "tabular": "numbers and categories"}
    found = [words[each] for each in kinds(trained)]
    return f"reads {listed(dict.fromkeys(found))}"


def inputs_section(trained: TrainedModel) -> Iterator[Block]:
    """Describe the requirements of each input.

    Args:
        trained: the model.
    """
    yield Heading("Images" if is_of_images(trained) else "Inputs")
    sentences = [_said(trained, name) for name in trained.model.inputs]
    if len(sentences) == 1:
        yield Paragraph(sentences[0])
        return
    lines = zip(trained.model.inputs, sentences, strict=True)
    yield Bullets([f"{name}: {each}" for name, each in lines])
    if trained.takes_missing:
        yield Paragraph("It predicts, less well, for samples that lack an input.")


def _said(trained: TrainedModel, name: str) -> str:
    if name == IMAGE:
        form = trained.image_format
        assert form is not None
        colour = "grey" if form.channels == 1 else "red, green and blue"
        fits = {"stretch": "stretched to", "crop": "cropped and resized to", "pad": "padded to"}
        return (
            f"Of any size, {fits[form.fit]} {form.height} x {form.width} pixels, {colour}. "
            "Preprocessing after that is part of the model."
        )
    written = trained.written[name]
    columns = [shortened(each, LONGEST) for each in written.columns]
    if isinstance(written, WrittenText):
        told = written.tokenizer
        many = f"{len(columns)} texts together ({listed(columns)})" if columns[1:] else "A text"
        return (
            f"{many}, of which it reads the first {told.length} tokens, made by "
            f"{type(told).__name__}. In a table: {listed(columns, MOST_COLUMNS)}."
        )
    assert isinstance(written, WrittenColumns)
    said = []
    for column, each in zip(written.columns, columns, strict=True):
        known = [shortened(one, LONGEST) for one in written.given.category_names(column)]
        said.append(f"{each} ({listed(known, MOST_COLUMNS, 'or')})" if known else f"{each}")
    return f"{listed(said, MOST_COLUMNS)}. Cells may be missing."


def use_section(trained: TrainedModel, has_onnx: bool) -> Iterator[Block]:
    """Describe how to predict, with and without this package.

    Args:
        trained: the model.
        has_onnx: whether ``model.onnx`` is beside the card.
    """
    yield Paragraph("With the package, after a download of this folder:")
    new = "photos/" if is_of_images(trained) else "table.csv"
    yield Commands([f"multitask predict FOLDER {new} --output=predictions.csv"])
    if not is_of_images(trained):
        columns = [each for written in trained.written.values() for each in written.columns]
        columns += ["file names of images"] if IMAGE in trained.model.inputs else []
        yield Paragraph(
            f"The table is CSV, Parquet or JSON Lines, with {listed(columns, MOST_COLUMNS)} as "
            f"{'its column' if len(columns) == 1 else 'its columns'}."
        )
    if has_onnx:
        yield Paragraph(_without_torch(trained))


def _without_torch(trained: TrainedModel) -> Text:
    parts: list[str | Code] = ["Without it, and without torch: ", Code(ONNX), " accepts "]
    for place, name in enumerate(trained.model.inputs):
        parts += [" and " if place else "", Code(name), f", {_array(trained, name)},"]
    parts[-1] = str(parts[-1]).rstrip(",")
    parts += [
        ", and returns an output for each task; its property ",
        Code("multitask"),
        " has classes, units and the image format as JSON."
        if is_of_images(trained)
        else " has classes, units and inputs as JSON.",
    ]
    for name, written in trained.written.items():
        if isinstance(written, WrittenText):
            folder = tokenizer_folder(Path(ONNX), name).name
            parts += [" How to make tokens: ", Code(f"{folder}/{TOLD}"), "."]
    return tuple(parts)


def _array(trained: TrainedModel, name: str) -> str:
    if name == IMAGE:
        return "uint8, [batch, channels, height, width]"
    if isinstance(trained.written[name], WrittenText):
        return "int32, [batch, tokens], -1 after the end of a text"
    return "float32, [batch, columns], NaN where a cell is missing, categories by number from 0"


def unseen(trained: TrainedModel) -> Iterator[str]:
    """Describe the parts of its inputs that a model ignores."""
    if (form := trained.image_format) is not None:
        yield f"What is smaller than a pixel at {form.height} x {form.width} is not seen."
    for written in trained.written.values():
        if isinstance(written, WrittenText):
            most = counted(written.tokenizer.length, "token")
            yield f"A text is not read beyond its first {most}."
