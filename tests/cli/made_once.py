"""What takes long and is the same in most tests, and so is made once in a process."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from multitask.cli.command_line import CommandLine
from multitask.data import posed_digits

MOST = 8
"""The number of sets of posed digits that are kept, of up to 5 MB each."""


def build_parsers_once() -> None:
    """Build the parser of each verb once; parsing does not change it."""
    build, built = CommandLine.setup_parser, {}

    @wraps(build)
    def setup_parser(self: CommandLine, add: bool, options: dict[str, Any], others: Any) -> None:
        verb = options["prog"]
        if verb not in built:
            build(self, add, options, others)
            built[verb] = self.parser
        self.parser = built[verb]

    CommandLine.setup_parser = setup_parser  # type: ignore[assignment]


def pose_digits_once() -> None:
    """Pose digits once that are posed alike; this takes as long as a few steps of training."""
    pose: Callable[..., Any] = posed_digits.pose
    posed: dict[tuple[bytes, bytes], tuple[Tensor, dict[str, Tensor], Tensor]] = {}

    @wraps(pose)
    def known(glyphs: Tensor, generator: torch.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        key = glyphs.numpy().tobytes(), generator.get_state().numpy().tobytes()
        if key not in posed:
            made = pose(glyphs, generator)
            if len(posed) == MOST:
                del posed[next(iter(posed))]
            posed[key] = *made, generator.get_state()
        images, targets, state = posed[key]
        generator.set_state(state)
        return images.clone(), {name: each.clone() for name, each in targets.items()}

    posed_digits.pose = known
