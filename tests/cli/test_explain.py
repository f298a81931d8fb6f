"""``multitask explain``: a page from a checkpoint alone, and what is refused."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from after.trained_table import trained_checkpoint, write_images

from multitask.cli.main import main

PAGE = Path(__file__).parents[2] / "docs/after_training.md"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_checkpoint(tmp_path_factory.mktemp("trained"))


def test_a_checkpoint_alone_is_explained_and_what_is_left_out_is_said(
    checkpoint: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    names = write_images(Path("<b>photos"), 5)
    Path("<b>photos/broken.png").write_text("not an image")
    labels = "\n".join(["file_name,kind,x,y", *(f"{n},cat,{p},1" for p, n in enumerate(names))])
    Path("<b>photos/labels.csv").write_text(labels)
    given = [str(checkpoint), "<b>photos", "--class=kind:cat", "--element=pos:y"]
    main(["explain", *given, "--labels=<b>photos/labels.csv", f"--against={checkpoint}"])
    said = capsys.readouterr().out
    assert "The tasks" in said
    assert "broken.png was skipped" in said
    assert "Nearest training images: " in said
    (folder,) = Path("explanations").iterdir()
    assert (folder / "figures/maps.pdf").stat().st_size > 0
    page = (folder / "report.html").read_text()
    assert "<b>photos" not in page
    assert "kind: class cat; pos: element y" in page
    assert "cat" in (folder / "attributions.csv").read_text()
    for name in ("overlaps.csv", "gradient_cosines.csv", "layers.csv", "log.txt"):
        assert (folder / name).exists()
    assert not (folder / "neighbours.csv").exists()
    main(["explain", str(checkpoint), "<b>photos/0.png", "--training=<b>photos", "--slow"])
    said = capsys.readouterr().out
    assert "1 training image cannot be read: broken.png: " in said
    Path("<b>photos/broken.png").unlink()
    main(["explain", str(checkpoint), "<b>photos/0.png", "--training=<b>photos"])
    newest = max(Path("explanations").iterdir())
    nearest = pd.read_csv(newest / "neighbours.csv").iloc[0]
    assert nearest["training_image"] == "0.png"
    assert nearest["cosine"] == pytest.approx(1)


def test_the_section_of_the_page_runs_as_it_stands(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, empty_pictures: None
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(checkpoint, tmp_path)
    names = write_images(Path("photos"), 4)
    rows = [f"{name},cat,{place},1" for place, name in enumerate(names)]
    Path("photos/labelled.csv").write_text("\n".join(["file_name,kind,x,y", *rows]))
    section = PAGE.read_text().split("\n## Explain\n")[1].split("\n## ")[0]
    (block,) = re.findall(r"```bash\n(.*?)```", section, re.S)
    for line in block.splitlines():
        main(shlex.split(line)[1:])
    assert len(list(Path("explanations").iterdir())) == 2


def test_bad_input_is_one_sentence(
    checkpoint: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_images(Path("photos"), 1)
    Path("broken.png").write_text("no")
    for words, sentence in (
        (["photos", "--class=kind"], "write TASK:NAME, as in --class=digit:3"),
        (["photos", "--class=kind:bird, cat,pos:x"], "task 'kind' has no class 'bird, cat'"),
        (["photos", "--class=kid:cat"], "has no task 'kid'; did you mean 'kind'?"),
        (["photos", "--class=kind:bird"], "task 'kind' has no class 'bird'"),
        (["photos", "--element=pos:z"], "task 'pos' has no element 'z'"),
        (["broken.png"], "no image can be read"),
        (["photos", "--labels=gone.csv"], "--labels is gone.csv, but there is no such file"),
        (["photos", "--training=gone"], "--training is gone, but there is no such file"),
        (["gone"], "there is no file or folder gone"),
        (["photos", "--device=banana"], "the device banana cannot be used here"),
        (["photos", "--device=meta"], "the device meta cannot be used here"),
        (["photos", "--study=photos"], "photos has no finished network of a single task"),
    ):
        assert sentence in fails("explain", str(checkpoint), *words)
    assert not Path("explanations").exists()
