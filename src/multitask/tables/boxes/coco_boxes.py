"""Boxes in a COCO file."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from multitask.errors import InputError, nearest
from multitask.tables.boxes.base import BoxRow, BoxSource, WithoutBoxes, check_form

IDS = ("id", "image_id", "category_id")
PARTS = {
    "images": ("id", "file_name"),
    "categories": ("id", "name"),
    "annotations": ("image_id", "category_id", "bbox"),
}


class CocoBoxes(BoxSource):
    """The boxes of a file such as COCO's ``instances_train2017.json``.

    The target's column contains the ``file_name`` of the images in that file. Annotations of crowds
    (``iscrowd``), which are not single objects, are skipped.

    Args:
        path: path of the JSON file.
        classes: names of categories in the order of the task's classes; annotations of other
            categories are refused.
        without_boxes: meaning of an image that the file lists without annotations, or does not
            list: ``empty``, known to have no boxes, or ``unlabelled``.

    Raises:
        InputError: if a setting is invalid.
    """

    box = "xywh"
    is_in_table = False

    def __init__(
        self, path: Path, classes: Sequence[str | int], without_boxes: WithoutBoxes
    ) -> None:
        super().__init__(classes)
        check_form(self.box, without_boxes)
        self.path, self.without_boxes = Path(path), without_boxes

    def read(self, cells: Sequence[Any]) -> list[list[BoxRow] | str | None]:
        content = self._content()
        files = self._by_id("images", content["images"], "file_name")
        kinds = self._by_id("categories", content["categories"], "name")
        if unknown := [each for each in self.class_names if each not in kinds.values()]:
            raise InputError(
                f"{self.path} has no category '{unknown[0]}'{nearest(unknown[0], kinds.values())}"
            )
        keys = {str(each) for each in cells if each is not None}
        if not keys & set(files.values()):
            raise InputError(
                f"{self.path} lists none of the table's images, such as '{min(keys, default='')}'; "
                "name the column with their file_name"
            )
        found: dict[str, list[BoxRow]] = {}
        for place, each in enumerate(content["annotations"]):
            where = f"{self.path}, annotation {each.get('id', place)}"
            image, kind = each["image_id"], each["category_id"]
            if image not in files or kind not in kinds:
                what = "image" if image not in files else "category"
                raise InputError(f"{where}: the file has no {what} {each[f'{what}_id']}")
            if not each.get("iscrowd"):
                box = each["bbox"]
                numbers = list(box) if isinstance(box, list) else [box]
                found.setdefault(files[image], []).append(BoxRow(kinds[kind], numbers, where))
        rest: list[BoxRow] | None = [] if self.without_boxes == "empty" else None
        return [None if each is None else found.get(str(each), rest) for each in cells]

    def _by_id(self, part: str, entries: list[dict[str, Any]], field: str) -> dict[Any, str]:
        found: dict[Any, str] = {}
        for each in entries:
            name = str(each[field])
            if found.setdefault(each["id"], name) != name:
                raise InputError(
                    f"{self.path}: {part} has the id {each['id']} for '{found[each['id']]}' and "
                    f"for '{name}'; give each a different id"
                )
        return found

    def _content(self) -> dict[str, list[dict[str, Any]]]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise InputError(f"{self.path} cannot be read ({error.strerror})") from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"{self.path} is not JSON ({error})") from error
        for part, fields in PARTS.items():
            entries = content.get(part) if isinstance(content, dict) else None
            if not isinstance(entries, list):
                raise InputError(f"{self.path} has no list '{part}', as COCO object files have")
            for place, each in enumerate(entries):
                lacking = [key for key in fields if not isinstance(each, dict) or key not in each]
                if lacking:
                    raise InputError(f"{self.path}: {part}[{place}] has no '{lacking[0]}'")
                # A list is not hashable.
                wrong = [key for key in IDS if isinstance(each.get(key), list | dict)]
                if wrong:
                    raise InputError(
                        f"{self.path}: '{wrong[0]}' of {part}[{place}] is {each[wrong[0]]!s:.40}"
                        "; give a whole number"
                    )
        return content
