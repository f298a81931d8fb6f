"""Hints from the name of a column on its content."""

from __future__ import annotations

import re
from typing import Literal

CLASS = {"class", "label", "category", "categories", "kind", "type", "species", "diagnosis"}
COUNT = {"n", "num", "number", "count", "counts", "total", "age", "year", "years", "days", "size"}
GROUP = {
    "patient", "subject", "person", "participant", "donor", "animal", "individual", "session",
    "video", "clip", "slide", "lesion", "series", "sequence", "burst",
}  # fmt: skip
IDENTIFIER = {"id", "ids", "uid", "uuid", "guid", "index", "idx", "unnamed", "row", "key", "hash"}
ANGLE = {
    "angle", "heading", "direction", "orientation", "bearing", "azimuth", "yaw", "rotation",
}  # fmt: skip
GRADE = {
    "grade", "stage", "level", "severity", "rating", "score", "rank", "quality", "degree", "stars",
}  # fmt: skip
TIME = {
    "time", "duration", "survival", "months", "days", "years", "weeks", "followup", "lifetime",
}  # fmt: skip
EVENT = {
    "event", "censored", "censoring", "death", "dead", "died", "deceased", "relapse", "recurrence",
    "failed", "failure", "status", "observed",
}  # fmt: skip
TARGET = {"target", "targets", "label", "labels", "class", "y", "outcome", "response"}
PERHAPS_TARGET = {
    "price", "cost", "value", "salary", "income", "score", "rating", "quality", "grade", "result",
    "diagnosis", "species", "survived", "default", "churn", "fraud", "defect", "yield", "demand",
    "sales",
}  # fmt: skip
NAME = {
    "name", "names", "address", "street", "city", "country", "author", "url", "link", "email",
    "phone", "path", "user", "username",
}  # fmt: skip
SPLIT = {"split", "set", "subset", "partition", "fold", "phase"}


def words(name: str) -> list[str]:
    """Split a name into words in lower case: ``PatientID`` and ``patient_id`` are the same.

    Args:
        name: name of a column.
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[^\W_]+", spaced.lower())


def says_class(name: str) -> bool:
    """Return whether a name indicates classes."""
    return bool(CLASS & set(words(name)))


def says_species(name: str) -> bool:
    """Return whether a name indicates species, on which other labels depend."""
    return bool({"species", "breed", "cultivar", "variety"} & set(words(name)))


def says_count(name: str) -> bool:
    """Return whether a name indicates that integers are counts, not classes."""
    return bool(COUNT & set(words(name)))


def says_number_of(name: str) -> bool:
    """Return whether a name indicates that integers are a number of things."""
    return bool({"n", "num", "number", "count", "counts", "total"} & set(words(name)))


def says_angle(name: str) -> bool:
    """Return whether a name indicates angles or directions."""
    return bool(ANGLE & set(words(name)))


def says_grade(name: str) -> bool:
    """Return whether a name indicates that classes are steps of a scale."""
    return bool(GRADE & set(words(name)))


def says_time(name: str) -> bool:
    """Return whether a name indicates times until an event."""
    return bool(TIME & set(words(name)))


def says_event(name: str) -> bool:
    """Return whether a name indicates whether an event has occurred."""
    return bool(EVENT & set(words(name)))


def says_group(name: str) -> bool:
    """Return whether a name indicates groups of rows, such as those of one person."""
    found = words(name)
    # A fold change is a measurement.
    is_fold = found[-1:] in (["fold"], ["folds"])
    return (is_fold or bool(GROUP & set(found))) and not COUNT & set(found)


def says_identifier(name: str) -> bool:
    """Return whether a name indicates identifiers without further meaning."""
    return bool(IDENTIFIER & set(words(name))) and not says_class(name)


def says_split(name: str) -> bool:
    """Return whether a name indicates the split of a row."""
    return bool(SPLIT & set(words(name)))


def says_target(name: str) -> Literal["surely", "perhaps"] | None:
    """Return whether a name indicates a target, such as ``y``, ``target_1`` or ``price``."""
    found = {re.sub(r"\d+$", "", each) for each in words(name)}
    if found & TARGET:
        return "surely"
    return "perhaps" if found & PERHAPS_TARGET else None


def says_name(name: str) -> bool:
    """Return whether a name indicates names of people, places or files."""
    return bool(NAME & set(words(name)))
