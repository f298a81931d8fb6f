"""What a trained model is tried with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from multitask.errors import InputError
from multitask.robustness.attack import Attack, Norm
from multitask.robustness.corruptions import Choice, Corruption, chosen_corruptions

ALONE_RESTARTS = 1


@dataclass(frozen=True)
class Plan:
    """What a model is tried with.

    Args:
        eps: largest changes of a pixel, from 0 to 1.
        l2: largest lengths of the change of an image.
        steps: of each attack.
        restarts: of the attacks on all tasks together, from random places; the worst counts.
        samples: number of samples, evenly spaced; all by default.
        corruptions: see `multitask.robustness.corruptions.Choice`.
        seed: of random starts, of noise and of intervals.
        resamples: of the intervals, see `multitask.after.evaluating.bootstrap.resampled`.
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
        """Refuse numbers that cannot be."""
        for name in ("steps", "restarts", "samples"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name} is {value}; give at least 1")
        if not (self.eps or self.l2 or self.corrupting()):
            raise InputError("there is nothing to try; give --eps, --l2 or --corruptions=true")

    def attacks(self, tasks: Sequence[str]) -> Iterator[Attack]:
        """The attacks on all tasks together.

        Args:
            tasks: their names.
        """
        weights = dict.fromkeys(tasks, 1.0)
        both: list[tuple[Norm, Sequence[float]]] = [("inf", self.eps), ("2", self.l2)]
        for norm, sizes in both:
            for eps in sorted(set(sizes)):
                yield Attack(
                    eps, steps=self.steps, norm=norm, tasks=weights, restarts=self.restarts
                )

    def alone(self, tasks: Sequence[str]) -> Iterator[Attack]:
        """Attacks on each task alone, of the middle size of one norm; of one task there are none.

        Args:
            tasks: their names.
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
        """The attack of one step from the image itself, of the middle size.

        Args:
            tasks: their names.
        """
        norm, sizes = self._usual
        if not sizes:
            return None
        weights = dict.fromkeys(tasks, 1.0)
        return Attack(middle(sizes), steps=1, norm=norm, tasks=weights, random_start=False)


def middle(sizes: Sequence[float]) -> float:
    """The size in the middle."""
    return sorted(set(sizes))[len(set(sizes)) // 2]
