"""What is changed for each task behind the point where the tasks part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from multitask.encoders.forms import Form, Maps, Tokens, Vector
from multitask.errors import InputError
from multitask.sharing.base import Sharing
from multitask.sharing.reached import zero_of


class TaskParts(Sharing):
    """Changes the whole representation for each task, by small networks of the task's own.

    Args:
        form: see `Sharing`; a vector, maps or tokens.
        tasks: see `Sharing`.
        part: makes what changes one tensor for one task, of its number of features and their axis:
            1 of maps ``[batch, features, height, width]``, -1 of ``[..., features]``. A vector and
            the values of tokens pass one, and each of several maps one of its own.

    Raises:
        InputError: if the encoder gives something else.
    """

    def __init__(self, form: Form, tasks: list[str], part: Callable[[int, int], nn.Module]) -> None:
        super().__init__(form, tasks)
        if not isinstance(form, Vector | Maps | Tokens):
            raise InputError(
                f"{type(self).__name__} takes a vector, maps or tokens, but the encoder gives "
                f"{type(form).__name__}; choose another sharing scheme"
            )
        sizes, axis = (form.channels, 1) if isinstance(form, Maps) else ([form.features], -1)
        self.parts = nn.ModuleDict(
            {task: nn.ModuleList(part(each, axis) for each in sizes) for task in tasks}
        )

    def forward(self, views: dict[str, Any]) -> dict[str, Any]:
        return {task: self._changed(self.parts[task], view) for task, view in views.items()}

    def _changed(self, parts: Any, view: Any) -> Any:
        if isinstance(view, Tensor):
            return parts[0](view)
        if isinstance(self.form, Tokens):
            values, is_token = view
            return [parts[0](values), is_token]
        *finer, last = [part(each) for part, each in zip(parts, view, strict=True)]
        if self.training:
            # A task of one vector reads the last map alone, and DDP waits for every gradient.
            last = last + zero_of(parts[:-1])
        return [*finer, last]
