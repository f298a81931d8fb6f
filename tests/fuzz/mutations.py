"""Trees of settings, changed as people, editors and programs change them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

Path = tuple[Any, ...]
LONGEST = 20
"""Items of a list that are changed one by one; longer ones are numbers, all of a kind."""

# Whole numbers that are plausible, or beyond everything: what lies between is only slow.
NUMBERS = st.one_of(
    st.integers(-3, 70),
    st.sampled_from([10**6, 10**12, 2**31, 2**32, 2**63, 2**64, -(2**63), 10**30, 10**299]),
    st.floats(width=32),
    st.sampled_from([1e-400, 1e300, 1e400, -0.0, math.nan, math.inf, -math.inf, 0.5, 1e-8]),
)
NASTY = (
    *("", " ", "null", "~", "yes", "1e3", "1_000", "0x10", "${x}", "${oc.env:HOME}", "${}", "$"),
    *("a.yaml", "../a.yaml", "/", "..", ".", "a/b", "x" * 300, "é" * 300, "尺寸", "\U0001f600"),
    *("\x00", "\x1b[2J", "a\nb", "\ufeff", "\u202e", "%s", "{0}", "`", "'", '"', "]", "{a: b"),
    *("int", "Digits", "MLP", "multitask", "multitask.", ".multitask", "torch.nn", "a..b"),
)
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=20))
CLASSES = st.sampled_from(
    [
        *(f"multitask.tasks.{each}" for each in ("Task", "Classification", "Segmentation")),
        *("multitask.data.Digits", "multitask.data.DataModule", "multitask.encoders.MLP", "MLP"),
        *("multitask.encoders.ConvNet", "multitask.sharing.MMoE", "multitask.balancing.GradNorm"),
        *("torch.optim.SGD", "torch.optim.LBFGS", "torch.optim.Optimizer", "torch.nn.Linear"),
        *("torch.nn.L1Loss", "torch.nn.CrossEntropyLoss", "torch.optim.lr_scheduler.StepLR"),
        "torch.optim.lr_scheduler.ReduceLROnPlateau",
        "torch.optim.lr_scheduler.LambdaLR",
        "lightning.pytorch.callbacks.EarlyStopping",
        *("multitask.nothing", "nothing.at.all"),
    ]
)
LEAVES = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.one_of(
    LEAVES,
    CLASSES.map(lambda name: {"class_path": name}),
    st.builds(lambda name, inner: {"class_path": name, "init_args": inner}, CLASSES, LEAVES),
    st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)
        ),
        max_leaves=6,
    ),
)


def places(tree: Any, path: Path = ()) -> list[Path]:
    """The keys and indices that lead to each value below a tree."""
    entries: Sequence[tuple[Any, Any]] = ()
    if isinstance(tree, dict):
        entries = list(tree.items())
    elif isinstance(tree, list) and len(tree) <= LONGEST:
        entries = list(enumerate(tree))
    inner = [(key, value, (*path, key)) for key, value in entries]
    return [each for _, value, at in inner for each in (at, *places(value, at))]


@st.composite
def changed(draw: Any, tree: Any, values: st.SearchStrategy[Any] = VALUES) -> Any:
    """A copy of a tree with one to three changes, most often one."""
    tree = deepcopy(tree)
    for _ in range(draw(st.sampled_from([1, 1, 1, 2, 3]))):
        if not (found := places(tree)):
            break
        # Else most changes would concern the deepest values, of which there are most.
        depth = draw(st.sampled_from(sorted({len(each) for each in found})))
        *above, key = draw(st.sampled_from([each for each in found if len(each) == depth]))
        owner = tree
        for each in above:
            owner = owner[each]
        _change(draw, owner, key, values)
    return tree


def _change(draw: Any, owner: Any, key: Any, values: st.SearchStrategy[Any]) -> None:
    how = draw(st.sampled_from(["value", "value", "value", "remove", "rename", "add", "deeper"]))
    if how == "value":
        owner[key] = draw(values)
    elif how == "remove":
        del owner[key]
    elif how == "deeper":
        for _ in range(draw(st.sampled_from([1, 2, 60, 150]))):
            owner[key] = draw(st.sampled_from([[owner[key]], {"a": owner[key]}]))
    elif isinstance(owner, list):
        owner.insert(0, draw(values))
    elif how == "rename":
        owner[_name(draw, key)] = owner.pop(key)
    else:
        owner[_name(draw, key)] = draw(values)


def _name(draw: Any, key: Any) -> Any:
    near = [f"{key}s", str(key)[1:], str(key).upper(), f"{key}+", f"{key}.a", f"-{key}", f" {key}"]
    return draw(st.one_of(st.sampled_from(near), TEXTS))
