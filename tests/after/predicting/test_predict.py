"""``multitask predict CHECKPOINT IMAGES``: what a person gets, whatever is among the images."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
from after.trained_table import trained_checkpoint, write_images
from PIL import Image

import multitask
from multitask.after.image_list import listed_images
from multitask.after.predicting.prediction import Prediction
from multitask.after.predicting.prediction_batches import PredictedBatches
from multitask.after.predicting.prediction_parts import PredictionParts
from multitask.after.predicting.shared_work import SharedWork
from multitask.after.trained_model import TrainedModel
from multitask.cli.main import main
from multitask.encoders import Timm, TimmMaps
from multitask.errors import InputError
from multitask.images.format import ImageFormat
from multitask.tasks import DenseRegression, Depth, Edges, Normals, Reconstruction, Segmentation

PROBABILITIES = ["kind.probability", "kind.probability.cat", "kind.probability.=dog"]
COLUMNS = ["kind", *PROBABILITIES, "kind.entropy", "pos.x", "pos.y"]


@pytest.fixture(scope="module")
def trained_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_checkpoint(tmp_path_factory.mktemp("trained"))


@pytest.fixture
def checkpoint(trained_once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint that was carried alone to an empty folder, where the program is started."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(trained_once, tmp_path))


def predict(*arguments: object) -> None:
    main(["predict", *map(str, arguments)])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        predict(*arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


def cells(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_folder_becomes_a_row_for_each_image_in_natural_order(checkpoint: Path) -> None:
    write_images(Path("photos"), 11)
    write_images(Path("photos/in ner"), 2)
    Path("photos/notes.txt").write_text("no image")
    Path("photos/.hidden.png").write_text("")
    predict(checkpoint, "photos")
    rows = cells("predictions.csv")
    assert list(rows[0]) == ["file", *COLUMNS, "problem"]
    names = [f"{place}.png" for place in range(11)]
    assert [row["file"] for row in rows] == [*names, "in ner/0.png", "in ner/1.png"]
    # The same images in another folder.
    assert [rows[place]["pos.x"][:6] for place in (11, 12)] == [r["pos.x"][:6] for r in rows[:2]]


def test_numbers_are_those_of_the_model_as_it_was_trained(checkpoint: Path) -> None:
    names = write_images(Path("photos"), 3)
    predict(checkpoint, *(f"photos/{name}" for name in reversed(names)), "--output=o.parquet")
    table = pd.read_parquet("o.parquet")
    assert table["file"].tolist() == [f"photos/{name}" for name in reversed(names)]
    trained = multitask.load(checkpoint)
    pixels = torch.stack([read(f"photos/{name}") for name in reversed(names)])
    image = (pixels / 255 - 0.5) / 0.25
    expected = trained.model.predict(image)
    found = torch.tensor(table[["pos.x", "pos.y"]].to_numpy())
    torch.testing.assert_close(found, expected["pos"].cpu())
    found = torch.tensor(table[PROBABILITIES[1:]].to_numpy())
    torch.testing.assert_close(found, expected["kind"].cpu())
    best = [["cat", "=dog"][each] for each in expected["kind"].argmax(1)]
    assert table["kind"].tolist() == best
    assert table["problem"].isna().all()


def read(path: str) -> torch.Tensor:
    with Image.open(path) as image:
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)


def test_a_net_of_timm_is_carried_alone_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Timm("resnet10t", pretrained=False, in_channels=3)
    path = trained_checkpoint(tmp_path, encoder)
    monkeypatch.chdir(path.parent)
    write_images(Path("photos"), 3, side=11)
    predict(path, "photos", "--embeddings=e.csv")
    assert all(row["pos.x"] and row["kind.probability.cat"] for row in cells("predictions.csv"))
    assert len(cells("e.csv")[0]) == 1 + 512


def test_formulas_are_texts_in_csv_alone(checkpoint: Path) -> None:
    write_images(Path("photos"), 12)
    predict(checkpoint, "photos")
    predict(checkpoint, "photos", "--output=o.jsonl")
    lines = [json.loads(line) for line in Path("o.jsonl").read_text().splitlines()]
    assert {row["kind"] for row in lines} <= {"cat", "=dog"}
    shown = {"cat": "cat", "=dog": "'=dog"}
    assert [r["kind"] for r in cells("predictions.csv")] == [shown[r["kind"]] for r in lines]
    assert [float(r["pos.y"]) for r in cells("predictions.csv")] == [r["pos.y"] for r in lines]


def test_what_cannot_be_read_has_a_row_with_the_reason(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(Path("photos"), 2)
    Path("photos/broken.png").write_text("hello")
    Path("photos/empty.jpg").touch()
    os.mkfifo("photos/pipe.png")
    os.symlink("nowhere", "photos/link.png")
    Image.new("1", (20_000, 10_000)).save("photos/huge.png")
    predict(checkpoint, "photos")
    rows = {row["file"]: row for row in cells("predictions.csv")}
    assert {name: row["problem"][:12] for name, row in rows.items()} == {
        "0.png": "",
        "1.png": "",
        "broken.png": "not an image",
        "empty.jpg": "the file is ",
        "huge.png": "10000 x 2000",
        "link.png": "No such file",
        "pipe.png": "it is not a ",
    }
    assert all(rows["huge.png"][column] == "" for column in COLUMNS)
    assert "Predicted for 2 of 7 images of photos; 5 could not be read" in capsys.readouterr().out


def test_a_file_is_written_if_nothing_can_be_read(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("broken.png").write_text("hello")
    predict(checkpoint, "broken.png", "--output=o.parquet")
    assert "0 of 1 images of broken.png; none of them could be read" in capsys.readouterr().out
    schema = pq.read_schema("o.parquet")
    assert [str(schema.field(name).type) for name in COLUMNS] == ["string", *["float"] * 6]


def test_table_keeps_its_columns_and_needs_no_labels(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(Path("photos"), 2)
    Path("photos/new.csv").write_text(
        "site;photo;kind;pos.x;problem\n"
        "=1+1;0.png;cat;3;\n"
        ";nowhere.png;;;x\n"
        "a;../best.ckpt;;;\n"
        "b;;;;\n"
        "c;1.png;;;\n"
    )
    predict(checkpoint, "photos/new.csv", "--image_column=photo")
    rows = cells("predictions.csv")
    given = ["site", "photo", "given.kind", "given.pos.x", "given.problem"]
    assert list(rows[0]) == [*given, *COLUMNS, "problem"]
    assert [rows[0][name] for name in given] == ["'=1+1", "0.png", "cat", "3", ""]
    assert [bool(row["pos.x"]) for row in rows] == [True, False, False, False, True]
    assert "there is no file" in rows[1]["problem"]
    assert "leads outside" in rows[2]["problem"]
    assert "is empty" in rows[3]["problem"]
    assert "'kind' is called 'given.kind'" in capsys.readouterr().out


def test_images_in_the_cells_of_a_table(checkpoint: Path) -> None:
    write_images(Path("photos"), 2)
    image = [{"bytes": Path(f"photos/{n}.png").read_bytes(), "path": f"{n}.png"} for n in range(2)]
    table = pd.DataFrame({"when": pd.to_datetime(["2020-01-01", None, "2021-01-01"])})
    table["image"] = pd.Series([*image, None], dtype=object)
    table.to_parquet("new.parquet")
    predict(checkpoint, "new.parquet", "--output=o.parquet")
    found = pd.read_parquet("o.parquet")
    assert found["image"].tolist()[:2] == ["0.png", "1.png"]
    assert found["when"].tolist()[0] == pd.Timestamp("2020-01-01")
    assert found["pos.x"].notna().tolist() == [True, True, False]


def test_rows_of_json_may_mix_kinds(checkpoint: Path) -> None:
    write_images(Path("."), 2)
    rows = [{"file_name": "0.png", "n": 1, "l": [1, {"a": None}]}, {"file_name": "1.png", "n": "x"}]
    Path("new.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for ending in ("csv", "jsonl", "parquet"):
        predict(checkpoint, "new.jsonl", f"--output=o.{ending}")
    assert [row["n"] for row in cells("o.csv")] == ["1", "x"]
    assert len(pd.read_parquet("o.parquet")) == 2


def test_embeddings_are_a_table_of_their_own(checkpoint: Path) -> None:
    names = write_images(Path("photos"), 3)
    Path("photos/a.png").write_text("broken")
    predict(checkpoint, "photos", "--embeddings=e.parquet", "--batch_size=2")
    table = pd.read_parquet("e.parquet")
    assert table["file"].tolist() == [*names, "a.png"]
    trained = multitask.load(checkpoint)
    pixels = torch.stack([read(f"photos/{name}") for name in names])
    found = torch.tensor(table.filter(like="embedding.").to_numpy()[:3])
    torch.testing.assert_close(found, trained.embed(pixels).cpu(), rtol=1e-4, atol=1e-5)
    assert table.iloc[3, 1:].isna().all()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "predict expects a checkpoint and images"),
        (["nowhere"], "there is no file or folder nowhere"),
        (["empty"], "the folder empty has no images"),
        (["photos", "--output=a.xlsx"], "ends in .csv, .parquet or .jsonl"),
        (["photos", "--embeddings=e.npy"], "--embeddings is e.npy"),
        (["photos", "--output=there.csv"], "there.csv already exists"),
        (["photos", "--batch_size=0"], "--batch_size is 0"),
        (["photos", "--batch_size=1e3"], "--batch_size is 1e3"),
        (["photos", "--device=gpu"], "the device gpu cannot be used here"),
        (["photos", "--outptu=a.csv"], "did you mean 'output'"),
        (["photos", "--image_column=a"], "--image_column is for tables"),
        (["there.csv", "photos"], "give only one table"),
        (["there.csv"], "has no column of image files"),
        (["photos", "--output=photos/0.png/a.csv"], "cannot be written"),
    ],
)
def test_bad_arguments_are_told_in_one_sentence(
    arguments: list[str], sentence: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(Path("photos"), 1)
    Path("empty").mkdir()
    Path("there.csv").write_text("a,b\n1,2\n")
    assert sentence in refused(capsys, checkpoint, *arguments)
    assert Path("there.csv").read_text() == "a,b\n1,2\n"
    assert sorted(os.listdir()) == ["best.ckpt", "empty", "photos", "there.csv"]


class Killed(Exception):  # noqa: N818
    """In the place of a signal that no program survives."""


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Ends the program at the nth image from now on."""
    usual = PredictedBatches.decode
    left = [0]

    def decode(self: PredictedBatches, row: int) -> Any:
        left[0] -= 1
        if left[0] == 0:
            raise Killed
        return usual(self, row)

    def after(images: int) -> None:
        left[0] = images

    monkeypatch.setattr(PredictedBatches, "decode", decode)
    return after


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_killed_three_times_and_restarted_it_writes_the_same_file(
    ending: str, checkpoint: Path, dying: Callable[[int], None]
) -> None:
    names = write_images(Path("photos"), 30)
    Path("photos/7.png").write_text("broken")
    trained, images = multitask.load(checkpoint), listed_images(["photos"])
    whole, output = Path(f"whole.{ending}"), Path(f"o.{ending}")
    Prediction(trained, images, whole, 2, Path(f"e1.{ending}"), rows=4).run()
    for images_before in (11, 9, 12):
        dying(images_before)
        with pytest.raises(Killed):
            Prediction(trained, images, output, 2, Path(f"e2.{ending}"), rows=4).run()
        assert not output.exists()
    dying(0)
    outcome = Prediction(trained, images, output, 2, Path(f"e2.{ending}"), rows=4).run()
    assert output.read_bytes() == whole.read_bytes()
    assert Path(f"e1.{ending}").read_bytes() == Path(f"e2.{ending}").read_bytes()
    assert (outcome.images, outcome.problems) == (len(names), 1)
    assert not Path(f"o.{ending}.parts").exists()


def test_a_full_disk_is_told_and_leaves_nothing_running(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_images(Path("photos"), 60)
    trained, images = multitask.load(checkpoint), listed_images(["photos"])
    threads, interval = threading.active_count(), sys.getswitchinterval()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(PredictionParts, "write", full)
        with pytest.raises(InputError, match="free some space") as told:
            Prediction(trained, images, Path("o.csv"), 2, rows=4).run()
    # The error is still known, and with it all that it has passed through.
    assert told.value.__traceback__ is not None
    assert threading.active_count() == threads
    assert sys.getswitchinterval() == interval
    Prediction(trained, images, Path("o.csv"), 2, rows=4).run()
    assert len(cells("o.csv")) == 60


def test_parts_of_another_command_are_not_taken_up(
    checkpoint: Path, dying: Callable[[int], None]
) -> None:
    write_images(Path("photos"), 20)
    trained, images = multitask.load(checkpoint), listed_images(["photos"])
    dying(15)
    with pytest.raises(Killed):
        Prediction(trained, images, Path("o.csv"), 2, rows=4).run()
    dying(0)
    with pytest.raises(InputError, match=r"batch_size differ.*remove that folder"):
        Prediction(trained, images, Path("o.csv"), 4, rows=4).run()
    write_images(Path("photos"), 1, first=40)
    with pytest.raises(InputError, match="the images differ"):
        Prediction(trained, listed_images(["photos"]), Path("o.csv"), 2, rows=4).run()


def test_two_programs_do_not_write_one_table(checkpoint: Path) -> None:
    write_images(Path("photos"), 2)
    trained, images = multitask.load(checkpoint), listed_images(["photos"])
    first, second = (Prediction(trained, images, Path("o.csv")) for _ in range(2))
    first._begin()
    with pytest.raises(InputError, match=r"another program is writing o\.csv"):
        second.run()


def test_folder_of_parts_that_is_a_persons_own_is_left_alone(checkpoint: Path) -> None:
    write_images(Path("photos"), 2)
    Path("o.csv.parts").mkdir()
    Path("o.csv.parts/mine.txt").write_text("mine")
    with pytest.raises(InputError, match="not made by this program"):
        Prediction(multitask.load(checkpoint), listed_images(["photos"]), Path("o.csv")).run()
    assert os.listdir("o.csv.parts") == ["mine.txt"]


def test_processes_share_the_parts(checkpoint: Path) -> None:
    write_images(Path("photos"), 30)
    trained, images = multitask.load(checkpoint), listed_images(["photos"])
    Prediction(trained, images, Path("whole.csv"), 2, rows=4).run()
    for rank in (1, 0):
        work = Share(rank)
        Prediction(trained, images, Path("o.csv"), 2, rows=4, work=work).run()
    assert Path("o.csv").read_bytes() == Path("whole.csv").read_bytes()


class Share(SharedWork):
    """One of two processes, which work one after the other here."""

    def __init__(self, rank: int) -> None:
        self.rank, self.size, self.local_rank = rank, 2, rank

    def first(self, work: Callable[[], None]) -> None:
        work()

    def wait(self) -> None:
        pass


def test_maps_are_files_beside_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny_model: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    names = write_images(Path("photos"), 5)
    Path("photos/a.png").write_text("broken")
    trained = maps_of(tiny_model)
    images = listed_images(["photos"])
    Prediction(trained, images, Path("out/o.csv"), 2, rows=2).run()
    rows = cells("out/o.csv")
    assert [row["mask"] for row in rows] == [*(f"o/mask/{n}" for n in names), ""]
    for row in rows[:-1]:
        with Image.open(f"out/{row['mask']}") as mask:
            assert mask.size == (8, 8)
        assert all(Path(f"out/{row[name]}").is_file() for name in trained.model.named_tasks)
    Path("photos/mask").mkdir()
    with pytest.raises(InputError, match=r"the maps would go to photos, which already"):
        Prediction(trained, images, Path("photos.csv")).run()
    frame = trained.predict(["photos/0.png"])
    assert list(frame) == ["mask", "mask.entropy", "depth", "edges", "far", "normals", "copy"]
    assert frame["mask"][0].shape == (8, 8)
    assert frame["depth"][0].shape == (1, 8, 8)


def maps_of(tiny_model: Callable[..., Any]) -> Any:
    tasks = {"mask": Segmentation(3), "depth": DenseRegression(), "edges": Edges()}
    tasks |= {"far": Depth(log=True), "normals": Normals(), "copy": Reconstruction()}
    encoder = TimmMaps("resnet10t", pretrained=False, in_channels=3)
    description: dict[str, Any] = {
        "inputs": {"image": vars(ImageFormat(8, 8, 3))},
        "tasks": {name: {} for name in tasks},
    }
    return TrainedModel(tiny_model(encoder=encoder, tasks=tasks), description)


def test_arrays_images_and_paths_give_the_same(checkpoint: Path) -> None:
    write_images(Path("."), 3)
    trained = multitask.load(checkpoint)
    pixels = torch.stack([read(f"{n}.png") for n in range(3)])
    by_path = trained.predict([Path(f"{n}.png") for n in range(3)], batch_size=2)
    several: list[Any] = [
        pixels,
        pixels.numpy(),
        list(pixels.numpy().transpose(0, 2, 3, 1)),
        (pixels / 255).numpy(),
        [Image.open(f"{n}.png") for n in range(3)],
    ]
    for images in several:
        pd.testing.assert_frame_equal(trained.predict(images, batch_size=2), by_path)
    assert list(by_path) == COLUMNS
    with pytest.raises(InputError, match=r"nowhere\.png"):
        trained.predict("nowhere.png")
