"""What docs/transfer.md says of rates runs as it stands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from cli.conftest import DIGITS, QUICK

PAGE = (Path(__file__).parents[2] / "docs/transfer.md").read_text(encoding="utf-8")
SECTION = PAGE.split("\n## Rates\n")[1].split("\n## ")[0]
ONCE = ("--run.test_after_fit=false", "--trainer.limit_train_batches=1", "--trainer.max_steps=1")


def rates_of_run(folder: Path) -> dict[str, float]:
    rows = [row.split(",") for row in (folder / "metrics.csv").read_text().splitlines()]
    names = [row for row in rows if row[2].startswith("train/learning_rate")]
    return {name.removeprefix("train/learning_rate"): float(rate) for _, _, name, rate in names}


def test_the_section_on_rates(
    multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    parts, both = (
        yaml.safe_load(each)["model"] for each in re.findall(r"```yaml\n(.*?)```", SECTION, re.S)
    )
    config = yaml.safe_load(DIGITS.read_text())
    config["model"] |= parts
    config["model"]["layer_decay"] = both["layer_decay"]
    config["model"]["rates"] |= both["rates"]
    Path("digits.yaml").write_text(yaml.safe_dump(config))
    multitask("fit", "--config=digits.yaml", *QUICK, *ONCE, "--trainer.log_every_n_steps=1")
    (run,) = Path("runs/digits").iterdir()
    found = rates_of_run(run)
    shares = {name: rate / found[""] for name, rate in found.items()}
    assert shares == pytest.approx(
        {
            "": 1,
            "/heads.glyph": 2,
            # Of the rate 0.1 a half for each layer; the embedding has 2 halves, the whole rate.
            **{f"/encoder.layer_{layer}": 0.1 / 2 ** (4 - layer) for layer in range(3)},
        }
    )
    (lines,) = re.findall(r"```bash\n(.*?)```", SECTION, re.S)
    for line in lines.splitlines():
        words = [
            each.replace("configs/experiment/digits.yaml", str(DIGITS))
            for each in shlex.split(line.removeprefix("multitask"))
        ]
        with pytest.raises(SystemExit):
            multitask(*words, "--print_config")
        printed = yaml.safe_load(capsys.readouterr().out)
        assert 0.1 in printed["model"]["rates"].values()


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("--model.rates.encodr=0.1", "has no part 'encodr'; did you mean 'encoder'?"),
        ("--model.rates.encoder=0", "rates: encoder is 0.0; give a number above 0"),
        ("--model.layer_decay=-1", "model.layer_decay is -1.0"),
    ],
)
def test_wrong_rates_end_in_one_sentence_before_there_is_a_run(
    setting: str, sentence: str, multitask: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        multitask("fit", f"--config={DIGITS}", *QUICK, setting)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err
    assert not Path("runs").exists()
