"""Any configuration trains, or is refused in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fuzz.campaign import attack
from fuzz.mutations import VALUES, changed, places
from fuzz.outcome import outcome
from hypothesis import strategies as st

from multitask.cli import run_command

CONFIGS = Path(__file__).parents[2] / "configs/experiment"
# Those whose data are at hand, and small.
NAMES = ("plain_digits", "plain_digits", "digits_single", "toy", "digits_uncertainty", "mixture")
TREES = [yaml.safe_load((CONFIGS / f"{name}.yaml").read_text()) for name in NAMES]
PIECES = (
    *("&a ", "*a", "<<: *a\n", "<<: [*a, *a]\n", "!!python/name:os.getcwd ", "!!set ", "!x ", "%"),
    *(
        "\t",
        "- ",
        "? ",
        ": ",
        "\x00",
        "\ufeff",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "#",
        "---\n",
        "...\n",
    ),
    *(
        "\u2028",
        "@",
        "`",
        "|\n",
        ">\n",
        "\x85",
        "\r",
        "  ",
        "\n",
        "é",
        "9" * 5000,
        "[" * 200,
        "=null",
    ),
)
# Beside them, what comes from no tree.
PAST = (
    ["a: &a [*a]"],
    ["a: " + "[" * 10_000 + "]" * 10_000],
    ["- " * 100_000],
    ["model: {tasks: " + "9" * 5_000 + "}"],
    ["run: {keep_last: !!bool x}"],
    [TREES[0], "--data.init_args.batch_size=" + "[" * 5_000],
    [TREES[0], "--data=&a [*a]"],
    [TREES[0], "--run.root=\udcff"],
)


@st.composite
def texts(draw: Any) -> str:
    """A file, with pieces put into it or characters left out."""
    text = yaml.safe_dump(draw(st.sampled_from(TREES)), allow_unicode=True)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(text)))
        piece = draw(st.sampled_from(PIECES))
        text = text[:at] + piece + text[at + draw(st.sampled_from([0, 0, 1, 5])) :]
    return text


@st.composite
def arguments(draw: Any) -> str:
    """An argument that changes a setting, or means to."""
    tree = draw(st.sampled_from(TREES))
    keys = ".".join(map(str, draw(st.sampled_from(places(tree)))))
    name = draw(st.sampled_from([keys, keys.replace("init_args.", ""), keys + ".a", keys[1:]]))
    value = draw(VALUES)
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, allow_unicode=True)
    text = text.strip().removesuffix("...").strip()
    return f"--{name}={draw(st.sampled_from([text, str(value)]))}"


INPUTS = st.one_of(
    st.sampled_from(TREES).flatmap(changed).map(lambda tree: [tree]),
    texts().map(lambda text: [text]),
    st.tuples(st.sampled_from(TREES), arguments()).map(list),
)


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Does with a configuration all that comes before the first step."""
    monkeypatch.setattr(run_command, "STAGES", {"fit": lambda run: None})

    def check_configuration(given: list[Any]) -> None:
        first, *others = given
        text = first if isinstance(first, str) else yaml.safe_dump(first, allow_unicode=True)
        Path("fuzzed.yaml").write_text(text, encoding="utf-8")
        quiet = ["--trainer.accelerator=cpu", "--run.wandb=off", "--run.figures=false"]
        outcome(lambda: run_command.run_command(["fit", "--config=fuzzed.yaml", *quiet, *others]))
        shutil.rmtree("runs", ignore_errors=True)

    return check_configuration


@pytest.mark.filterwarnings("ignore")
def test_any_configuration(check: Callable[[Any], None]) -> None:
    attack(check, INPUTS, examples=200, past=PAST)
