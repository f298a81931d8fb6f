"""Attacks and corruptions for a trained model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from multitask.configuration.written_arguments import whole_number
from multitask.errors import InputError
from multitask.robustness.attack import Attack, Norm
from multitask.robustness.corruptions import Choice, Corruption, chosen_corruptions

ALONE_RESTARTS = 1
NONE = "none"
OF_PLAN = {
    "eps": "0.01,0.02,0.05",
    "l2": "0.5",
    "steps": "20",
    "restarts": "5",
    "samples": "1000",
    "corruptions": "true",
}
"""Default plan if the user gives no options."""


@dataclass(frozen=True)
class Plan:
    """Attacks and corruptions to apply to a model.

    Args:
        eps: largest changes of a pixel, from 0 to 1.
        l2: largest L2 norms of the change of an image.
        steps: number of steps of each attack.
        restarts: number of random starts of the attacks on all tasks together; the worst result
            counts.
        samples: number of samples, evenly spaced; default: all.
        corruptions: see `multitask.robustness.corruptions.Choice`.
        seed: seed of random starts, of noise and of intervals.
        resamples: number of resamples for the intervals, see
            `multitask.after.evaluating.bootstrap.resampled`.
    """

    eps: Sequence[float] = (0.01, 0.02, 0.05)
    l2: Sequence[float] = (0.5,)
    steps: int = 20
    restarts: int = 5
    samples: int | None = 1000
    corruptions: Choice = True
    seed: int = 0
    resamples: int = 500

    def __post_init__(self) -> None:
        """Reject invalid numbers."""
        for name in ("steps", "restarts", "samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}; give at least 1")
        if not (self.eps or self.l2 or self.corrupting()):
            raise InputError("there is nothing to measure; give --eps, --l2 or --corruptions=true")

    def attacks(self, tasks: Sequence[str]) -> Iterator[Attack]:
        """The attacks on all tasks together.

        Args:
            tasks: names of the tasks.
        """
        weights = dict.fromkeys(tasks, 1.0)
        both: list[tuple[Norm, Sequence[float]]] = [("inf", self.eps), ("2", self.l2)]
        for norm, sizes in both:
            for eps in sorted(set(sizes)):
                yield Attack(
                    eps, steps=self.steps, norm=norm, tasks=weights, restarts=self.restarts
                )

    def alone(self, tasks: Sequence[str]) -> Iterator[Attack]:
        """Attacks on each task alone, with the middle size of one norm; empty for a single task.

        Args:
            tasks: names of the tasks.
        """
        norm, sizes = self._usual
        if sizes and len(tasks) > 1:
            eps = middle(sizes)
            for task in tasks:
                yield Attack(
                    eps, steps=self.steps, norm=norm, tasks={task: 1.0}, restarts=ALONE_RESTARTS
                )

    def corrupting(self) -> list[Corruption]:
        """The corruptions."""
        return chosen_corruptions(self.corruptions)

    @property
    def _usual(self) -> tuple[Norm, Sequence[float]]:
        return ("inf", self.eps) if self.eps else ("2", self.l2)

    def one_step(self, tasks: Sequence[str]) -> Attack | None:
        """The one-step attack that starts from the image itself, with the middle size.

        Args:
            tasks: names of the tasks.
        """
        norm, sizes = self._usual
        if not sizes:
            return None
        weights = dict.fromkeys(tasks, 1.0)
        return Attack(middle(sizes), steps=1, norm=norm, tasks=weights, random_start=False)


def middle(sizes: Sequence[float]) -> float:
    """The size in the middle."""
    return sorted(set(sizes))[len(set(sizes)) // 2]


def read_plan(eps: str, l2: str, steps: str, restarts: str, samples: str, corruptions: str) -> Plan:
    """Parse the user's options, see `OF_PLAN`.

    Args:
        eps: numbers separated by commas, or ``none``.
        l2: numbers separated by commas, or ``none``.
        steps: an integer.
        restarts: an integer.
        samples: an integer, or ``all``.
        corruptions: ``true`` or ``false``.

    Raises:
        InputError: with the option, and what would be valid.
    """
    if corruptions not in ("true", "false"):
        raise InputError(f"--corruptions={corruptions}: write true or false")
    return Plan(
        eps=_numbers("eps", eps),
        l2=_numbers("l2", l2),
        steps=whole_number("steps", steps),
        restarts=whole_number("restarts", restarts),
        samples=None if samples == "all" else whole_number("samples", samples, ", or all"),
        corruptions=corruptions == "true",
    )


def _numbers(name: str, text: str) -> list[float]:
    if text == NONE:
        return []
    try:
        # Also 8/255, as sizes of attacks are often written.
        return [float(Fraction(each)) for each in text.split(",")]
    except (ValueError, ArithmeticError) as error:
        raise InputError(
            f"--{name}={text}: give numbers, as in --{name}={OF_PLAN[name]}, or {NONE}"
        ) from error
