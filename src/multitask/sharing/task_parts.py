"""Task-specific changes of the representation, after the point where the tasks diverge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from multitask.encoders.forms import Form, Maps, Tokens, Vector
from multitask.errors import InputError
from multitask.sharing.base import Sharing
from multitask.sharing.reached import zero_of


class TaskParts(Sharing):
    """Changes the whole representation for each task, by small task-specific networks.

    Args:
        form: see `Sharing`; a vector, maps or tokens.
        tasks: see `Sharing`.
        part: builds the module that changes one tensor for one task, from the number of features
            and their axis: 1 for maps ``[batch, features, height, width]``, -1 for ``[...,
            features]``. There is one module for a vector, one for the values of tokens, and one for
            each map of several.

    Raises:
        InputError: if the encoder returns another form.
    """

    def __init__(self, form: Form, tasks: list[str], part: Callable[[int, int], nn.Module]) -> None:
        super().__init__(form, tasks)
        if not isinstance(form, Vector | Maps | Tokens):
            raise InputError(
                f"{type(self).__name__} accepts a vector, maps or tokens, but the encoder returns "
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
            # A task on one vector reads only the last map, and DDP waits for every gradient.
            last = last + zero_of(parts[:-1])
        return [*finer, last]
