"""Auto-lambda: weights learnt from the effect of a step on held-out samples of primary tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from multitask.balancing.base import Balancer
from multitask.errors import InputError, nearest

if TYPE_CHECKING:
    from multitask.training.look import Look

APART = 0.01
"""Norm of the displacement of the shared parameters on each side of the finite difference."""
SMALLEST = 1e-30
"""Adam's epsilon: slopes are proportional to the learning rate, whose size must not matter."""


class AutoLambda(Balancer):
    """Weights the losses so that a step improves the primary tasks on held-out samples.

    Liu et al., 2022 (arXiv 2202.03091). Before an optimizer step, the shared parameters ``theta``
    take a plain gradient step on the weighted losses of the batch, with their learning rates ``a``.
    Let ``d`` be the gradient there of the primary tasks' losses on a batch of ``split``, and
    ``g_i`` the gradient of task ``i``'s own loss. The slope of the primary losses with respect to
    the weight of task ``i`` is then ``-a d . g_i`` (equation 5). It is computed for all tasks at
    once from the difference between the losses at ``theta + e a d`` and ``theta - e a d`` (equation
    6). The weights are the number of tasks times the softmax of parameters that Adam updates to
    reduce the primary losses.

    Heads stay fixed in this look-ahead, because only shared parameters transfer between tasks;
    buffers and random numbers stay fixed too. A task without a label in the batch keeps its weight
    and is not compared, and a batch with a loss that is not finite is skipped. While `Unfreezing`
    keeps all shared parts frozen, weights do not change. If gradients are accumulated, the
    look-ahead uses the first batch of a step. The primary losses are those of the model, each times
    its task's ``weight``.

    As it weights losses, it also weights the heads' gradients. The batch of ``split`` only depends
    on the step, so that a resumed training continues exactly.

    Args:
        primary: the tasks to improve.
        learning_rate: learning rate of the weights' parameters.
        every: interval between look-aheads, in optimizer steps; one takes about as long as two and
            a half plain steps.
        split: the held-out samples: ``meta`` (see the data's setting ``meta``), or ``val``, whose
            results are then better than those on new data.

    Raises:
        InputError: if a setting is invalid.
    """

    looks_ahead = True

    def __init__(
        self,
        primary: list[str],
        learning_rate: float = 0.05,
        every: int = 1,
        split: Literal["meta", "val"] = "meta",
    ) -> None:
        super().__init__()
        if isinstance(primary, str):
            raise InputError(f"AutoLambda: primary is '{primary}'; give a list: ['{primary}']")
        if not primary:
            raise InputError("AutoLambda: primary is empty; list the tasks that matter in the end")
        if not 0 < learning_rate < float("inf"):
            raise InputError(f"AutoLambda: learning_rate is {learning_rate}; give a number above 0")
        if every < 1:
            raise InputError(f"AutoLambda: every is {every}; give a number of steps, at least 1")
        if split not in ("meta", "val"):
            raise InputError(
                f"AutoLambda: split is {split!r}; give meta, or val, for samples that are neither "
                "used for training nor for testing"
            )
        self.primary, self.learning_rate = list(primary), learning_rate
        self.every, self.split = every, split

    @property
    def weights(self) -> Tensor:
        """The tasks' weights, which sum to their number; shape ``[tasks]``, float64."""
        return len(self._logits) * self._logits.detach().softmax(0)

    def check(self, tasks: list[str]) -> None:
        for task in self.primary:
            if task not in tasks:
                raise InputError(
                    f"AutoLambda: primary names '{task}', which is not a task{nearest(task, tasks)}"
                )
        if len(set(self.primary)) < len(self.primary):
            raise InputError("AutoLambda: primary lists a task more than once; list each once")
        self._is_primary = torch.tensor([task in self.primary for task in tasks])
        self._teaches = torch.ones(len(tasks), dtype=torch.float64)
        # On the CPU, and not a parameter of the model, since the model's optimizer must not update
        # it.
        self._logits = torch.zeros(len(tasks), dtype=torch.float64, requires_grad=True)
        self._adam = torch.optim.Adam([self._logits], lr=self.learning_rate, eps=SMALLEST)

    def check_teaches(self, teaches: Mapping[str, float]) -> None:
        self._teaches = torch.tensor(list(teaches.values()), dtype=torch.float64)

    def check_run(self, precision: str, sharded: bool, processes: int) -> None:
        if sharded:
            raise InputError(
                "AutoLambda looks ahead through whole parameters, but a sharding strategy splits "
                "them; use the ddp strategy"
            )
        if precision in ("16-true", "bf16-true"):
            raise InputError(
                f"precision {precision} rounds away the differences that AutoLambda needs; use "
                f"{precision.replace('true', 'mixed')} or 32-true"
            )

    def needs_labels(self) -> dict[str, list[str]]:
        return {self.split: self.primary}

    def forward(self, losses: Tensor, labelled: Tensor) -> Tensor:
        return (self.weights.to(losses) * losses).sum()

    def before_step(self, look: Look) -> None:
        if look.step % self.every or len(self._logits) == 1 or not look.shared:
            return
        labelled = look.labelled(look.batch).cpu()
        if int(labelled.sum()) > 1 and (slopes := self._slopes(look)) is not None:
            self._learn(slopes, labelled)

    def get_extra_state(self) -> dict[str, Any]:
        """The parameters of the weights, and their optimizer."""
        return {"logits": self._logits.detach().clone(), "optimizer": self._adam.state_dict()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Restore the return value of `get_extra_state`."""
        self._logits.data.copy_(state["logits"])
        self._adam.load_state_dict(state["optimizer"])

    def _slopes(self, look: Look) -> Tensor | None:
        """Slopes of the primary losses after a step, by weight, shape ``[tasks]``, float64.

        None if no primary task has a label or no parameter moves.
        """
        _, (step,) = look.gradients(look.batch, (self.weights * self._teaches)[None])
        after = {
            name: (each.detach() - look.rates[name] * step[name]).requires_grad_()
            for name, each in look.shared.items()
        }
        held_out = look.other_batch(self.split, tuple(self.primary))
        _, (slope,) = look.gradients(held_out, self._is_primary[None], after)
        moves = {name: look.rates[name] * each for name, each in slope.items()}
        norm = torch.stack([each.double().square().sum() for each in moves.values()]).sum().sqrt()
        if not 0 < float(norm) < float("inf"):
            return None
        apart = APART / float(norm)
        ahead, back = (self._moved(look, moves, sign * apart) for sign in (1, -1))
        slopes = self._teaches * (back - ahead) / (2 * apart)
        return slopes if bool(slopes.isfinite().all()) else None

    @torch.no_grad()
    def _moved(self, look: Look, moves: Mapping[str, Tensor], by: float) -> Tensor:
        weights = {name: each + by * moves[name] for name, each in look.shared.items()}
        return look.losses(look.batch, weights).cpu().double()

    def _learn(self, slopes: Tensor, at: Tensor) -> None:
        """Take one step on the weights of some of the tasks, which keeps their sum."""
        before, weights = self._logits.detach().clone(), self.weights
        mean = (weights * slopes)[at].sum() / weights[at].sum()
        self._logits.grad = torch.where(at, weights * (slopes - mean), 0)
        self._adam.step()
        after = self._logits.detach()
        # Momentum also moves the parameters of tasks without labels.
        after[~at] = before[~at]
        after[at] += before[at].logsumexp(0) - after[at].logsumexp(0)
