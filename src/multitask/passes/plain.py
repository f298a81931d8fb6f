"""A plain pass of the unchanged batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multitask.passes.base import Pass

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs


class PlainPass(Pass):
    """One forward pass."""

    is_plain = True

    def forward(self, model: MultiTask, batch: Batch) -> tuple[Outputs, Batch]:
        return model(*model.inputs_of(batch)), batch
