"""Responses of the routes, as documentation for programs that call them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

Number = Annotated[float | None, Field(description="null if it is not a finite number")]
Unit = Annotated[str | None, Field(description="of the numbers; null if it is not known")]
Npy = Annotated[str, Field(description="the array as a .npy file, in Base64")]
Shape = Annotated[list[int], Field(description="of the array")]


Uncertainty = Annotated[
    dict[str, Number | dict[str, Number]] | None,
    Field(
        description="entropy of a class in nats; deviation, low and high of numbers, in their "
        "unit and by element; absent if the model does not provide it"
    ),
]
Level = Annotated[
    float | None,
    Field(description="share of the true values between low and high; absent if unknown"),
]


class ClassAnswer(BaseModel):
    """One of several classes."""

    kind: Literal["class"]
    value: str | None = Field(description="name of the most probable class")
    probability: Number = Field(description="of that class")
    probabilities: dict[str, float | None] = Field(
        description="by class name; of more than 1000 classes, those of the 1000 most probable"
    )
    classes: int = Field(description="number of classes")
    uncertainty: Uncertainty = None


class NumberAnswer(BaseModel):
    """A number, in original units."""

    kind: Literal["number"]
    value: Number
    unit: Unit
    uncertainty: Uncertainty = None
    level: Level = None


class VectorAnswer(BaseModel):
    """Several numbers, in original units."""

    kind: Literal["vector"]
    value: dict[str, float | None] = Field(description="by the name or the number of the element")
    unit: Unit
    uncertainty: Uncertainty = None
    level: Level = None


class Picture(BaseModel):
    """A picture of a map."""

    caption: str
    picture: str = Field(description="a PNG file as a data: address")


class ClassMap(BaseModel):
    """One of several classes for each pixel."""

    kind: Literal["class_map"]
    shape: Shape = Field(description="height and width")
    shares: dict[str, float] = Field(description="of the pixels, by the classes that occur")
    colours: dict[str, str] = Field(description="of those classes in the picture, as #rrggbb")
    probability: Number = Field(description="of the chosen class, mean over the pixels")
    uncertainty: Uncertainty = None
    npy: Npy = Field(description="class numbers, as a .npy file in Base64")
    pictures: list[Picture] = Field(description="PNG files as data: addresses, with captions")


class NumberMap(BaseModel):
    """Numbers for each pixel, in original units."""

    kind: Literal["number_map"]
    shape: Shape = Field(description="channels, height and width")
    minimum: Number
    mean: Number
    maximum: Number
    npy: Npy
    pictures: list[Picture] = Field(description="PNG files as data: addresses, with captions")
    unit: Unit


class ArrayAnswer(BaseModel):
    """A prediction of another kind of task."""

    kind: Literal["array"]
    shape: Shape
    npy: Npy
    unit: Unit


TaskAnswer = Annotated[
    ClassAnswer | NumberAnswer | VectorAnswer | ClassMap | NumberMap | ArrayAnswer,
    Field(discriminator="kind"),
]
KINDS = (ClassAnswer, NumberAnswer, VectorAnswer, ClassMap, NumberMap, ArrayAnswer)


class Prediction(BaseModel):
    """The model's predictions for one sample."""

    tasks: dict[str, TaskAnswer] = Field(description="by task")
    height: int | None = Field(description="of the upright image that was sent, in pixels")
    width: int | None
    remarks: list[str] = Field(description="what to know of the answer, in sentences")


class ErrorAnswer(BaseModel):
    """The reason why a request was rejected."""

    error: str = Field(description="one sentence")


class Health(BaseModel):
    """Confirmation that the server is responding."""

    status: Literal["ok"]


class Description(BaseModel):
    """The model's inputs and outputs, and the server's limits."""

    model: str = Field(description="name of the file")
    takes: list[str] = Field(description="names of the inputs, in the model's order")
    inputs: dict[str, Any] = Field(
        description="by name: what an image file becomes, or what a text or numbers are made of"
    )
    tasks: dict[str, Any] = Field(description="by task: kind, classes, unit, elements")
    limits: dict[str, float]
