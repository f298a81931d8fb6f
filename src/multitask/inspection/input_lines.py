"""The parts of an experiment file that define its inputs and its encoder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from multitask.inspection.image_samples import ImageSample
from multitask.inspection.table_contents import TableContents
from multitask.inspection.table_inputs import NUMBERS, TEXT, NumberInput, TextInput
from multitask.inspection.training_plan import TrainingPlan
from multitask.inspection.yaml_lines import comment, number, scalar, sequence
from multitask.tokenizers import HashedWords

HINTS = {
    "pretrained": "true for transfer learning; downloads the weights once.",
    "vocabulary": "The vocabulary of the tokenizer.",
    "sizes": "1 for a number, otherwise the column's number of categories.",
}
"""Comments on encoder settings."""
TRANSFORMER = (
    "There are too few texts to learn much from the order of their words; "
    "multitask.encoders.TextTransformer and TextConvNet use it."
)


def image_lines(contents: TableContents, images: ImageSample) -> Iterator[str]:
    """Write the settings of the images.

    Args:
        contents: contents of the table.
        images: properties of a sample of the images.
    """
    about = "all of" if images.same_size else "of various sizes, in the median"
    yield from comment(
        f"{images.looked_at} images were inspected: {about} {images.height} x {images.width} "
        f"pixels, {'grey' if images.grey else 'colour'}. If the sides have another ratio, fit "
        "is stretch, crop or pad.",
        4,
    )
    height, width = contents.image_size or images.size
    yield f"    image_size: [{height}, {width}]"
    yield f"    channels: {contents.channels}"
    yield "    fit: stretch"
    if images.white is not None:
        yield from comment(
            "The value that is white. The files have 16 bits, and their brightest pixel is "
            "darker than half of the maximum of 16 bits.",
            4,
        )
        yield f"    white: {images.white}"


def input_lines(contents: TableContents) -> Iterator[str]:
    """Write the columns of inputs other than images.

    Args:
        contents: contents of the table.
    """
    text, numbers = contents.choice.text, contents.choice.numbers
    if contents.image is None:
        yield "    image_column: null"
    if text is None and numbers is None:
        return
    yield from comment(
        "What the model learns from. To choose other columns, write the experiment again with "
        "--inputs=NAME,NAME and --targets=NAME,NAME.",
        4,
    )
    yield "    inputs:"
    if text is not None:
        yield from _text(text)
    if numbers is not None:
        yield from _numbers(numbers)


def _text(text: TextInput) -> Iterator[str]:
    what = "words and signs" if text.is_words else "bytes"
    middle, most = text.tokens
    yield from comment(
        f"{middle:,} {what} in the median, {most:,} at most; tokens beyond length are cut off.",
        6,
    )
    yield f"      {TEXT}:"
    names = [each.name for each in text.columns]
    # The parser would read a text such as '[a]' as a list.
    if len(names) == 1 and scalar(names[0]) == names[0]:
        yield f"        column: {names[0]}"
    else:
        yield from sequence("column", names, 8)
    tokenizer = text.tokenizer
    yield "        tokenizer:"
    yield f"          class_path: multitask.tokenizers.{type(tokenizer).__name__}"
    yield "          init_args:"
    yield f"            length: {tokenizer.length}"
    if isinstance(tokenizer, HashedWords):
        yield f"            vocabulary: {tokenizer.vocabulary}"


def _numbers(numbers: NumberInput) -> Iterator[str]:
    missing = sum(each.missing for each in numbers.columns)
    cells = len(numbers.columns) * numbers.columns[0].rows
    yield from comment(f"{missing:,} of {cells:,} cells are missing; the encoder sees which.", 6)
    yield f"      {NUMBERS}:"
    yield from sequence("columns", [each.name for each in numbers.columns], 8)
    if numbers.categories:
        yield from comment("All other columns are numbers.", 8)
        yield "        categories:"
        for name, kinds in numbers.categories.items():
            yield from sequence(scalar(name), kinds, 10)
    if numbers.missing:
        yield from comment("Numbers that seem to mean missing:", 8)
        yield from sequence("missing", [number(each) for each in numbers.missing], 8)


def encoder_lines(plan: TrainingPlan) -> Iterator[str]:
    """Write the encoder, or a combination of several encoders.

    Args:
        plan: the training settings.
    """
    yield "  encoder:"
    yield from _object(plan.encoder, plan.encoder_settings, 4)


def _object(class_path: str, settings: Mapping[str, Any], indent: int) -> Iterator[str]:
    start = " " * indent
    if class_path.endswith(".BagOfTokens"):
        yield from comment(TRANSFORMER, indent)
    yield f"{start}class_path: {class_path}"
    yield f"{start}init_args:"
    for name, value in settings.items():
        if name in HINTS:
            yield from comment(HINTS[name], indent + 2)
        if isinstance(value, dict):
            yield f"{start}  {name}:"
            for key, each in value.items():
                yield f"{start}    {key}:"
                yield from _object(each["class_path"], each["init_args"], indent + 6)
        elif isinstance(value, list):
            yield from sequence(name, value, indent + 2)
        else:
            yield f"{start}  {name}: {scalar(value)}"
