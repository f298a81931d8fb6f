"""What the name of a column says about its cells."""

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
    """The words of a name, in lower case: ``PatientID`` and ``patient_id`` are the same.

    Args:
        name: a column's name.
    """
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    return re.findall(r"[^\W_]+", spaced.lower())


def says_class(name: str) -> bool:
    """Whether a name says that the cells are classes."""
    return bool(CLASS & set(words(name)))


def says_species(name: str) -> bool:
    """Whether a name says that cells are kinds of living things, which other labels depend on."""
    return bool({"species", "breed", "cultivar", "variety"} & set(words(name)))


def says_count(name: str) -> bool:
    """Whether a name says that whole numbers are counts, not classes."""
    return bool(COUNT & set(words(name)))


def says_number_of(name: str) -> bool:
    """Whether a name says that whole numbers count things."""
    return bool({"n", "num", "number", "count", "counts", "total"} & set(words(name)))


def says_angle(name: str) -> bool:
    """Whether a name says that numbers are angles or directions."""
    return bool(ANGLE & set(words(name)))


def says_grade(name: str) -> bool:
    """Whether a name says that classes are steps of a scale."""
    return bool(GRADE & set(words(name)))


def says_time(name: str) -> bool:
    """Whether a name says that numbers are times until something happens."""
    return bool(TIME & set(words(name)))


def says_event(name: str) -> bool:
    """Whether a name says that cells tell whether something has happened."""
    return bool(EVENT & set(words(name)))


def says_group(name: str) -> bool:
    """Whether a name says that rows with the same cell belong together, as those of a person do."""
    found = words(name)
    # A fold change is a measurement.
    is_fold = found[-1:] in (["fold"], ["folds"])
    return (is_fold or bool(GROUP & set(found))) and not COUNT & set(found)


def says_identifier(name: str) -> bool:
    """Whether a name says that the cells tell things apart, and mean nothing else."""
    return bool(IDENTIFIER & set(words(name))) and not says_class(name)


def says_split(name: str) -> bool:
    """Whether a name says which split a row belongs to."""
    return bool(SPLIT & set(words(name)))


def says_target(name: str) -> Literal["surely", "perhaps"] | None:
    """Whether a name says that cells are what is to be learnt: ``y``, ``target_1``, ``price``."""
    found = {re.sub(r"\d+$", "", each) for each in words(name)}
    if found & TARGET:
        return "surely"
    return "perhaps" if found & PERHAPS_TARGET else None


def says_name(name: str) -> bool:
    """Whether a name says that texts are names of people, places or files."""
    return bool(NAME & set(words(name)))
