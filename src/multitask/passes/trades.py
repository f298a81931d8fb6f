"""Training for predictions that attacks do not change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import kl_div

from multitask.distributed import sum_losses
from multitask.errors import InputError
from multitask.passes.adversarial import AttackingPass, places_of
from multitask.robustness import Attack
from multitask.robustness.attack import IMAGE, attacked
from multitask.tasks import Classification, Task
from multitask.tasks.output import Output, each_tensor, rows_of
from multitask.training.trial import copied_buffers, unseen

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask, Outputs


class TradesPass(AttackingPass):
    """Adds to each task's loss how far an attack moves its predictions.

    TRADES (Zhang et al., 2019, arXiv 1901.08573, equation 5): the loss on the original images, plus
    ``beta`` times the divergence between the predictions for attacked images and for the original
    ones. The attack maximises the divergence, so images without labels are included. For classes
    the divergence is the Kullback-Leibler divergence, for numbers the squared difference of
    standardised outputs, each averaged over the images of the global batch.

    Both kinds of images pass through the model together, as a batch of twice the size, so that the
    balancer gets a single backward pass.

    Args:
        attack: see `AttackingPass`; its weights of tasks apply to both the attack and the
            divergences. Use ``random_start``, as in the paper, since the gradient at the image
            itself is zero.
        beta: factor on the divergences.
        from_step: see `AttackingPass`.

    Raises:
        InputError: if a setting is invalid.
    """

    def __init__(self, attack: Attack, beta: float = 6.0, from_step: int = 0) -> None:
        super().__init__(attack, from_step)
        if not 0 <= beta < float("inf"):
            raise InputError(f"beta is {beta}; give 0 or more")
        if not attack.random_start:
            raise InputError(
                "TRADES maximises the change of predictions, whose gradient is zero at the image "
                "itself; set the attack's random_start: true"
            )
        self.beta = beta
        self._images: Tensor | None = None
        self._moved: Outputs | None = None

    def forward(self, model: MultiTask, batch: Batch) -> tuple[Outputs, Batch]:
        self._images = self._moved = None
        if not self.is_due(model):
            return model(*model.inputs_of(batch)), batch
        self._images = self._attacked(model, batch)
        inputs = _twice(model, batch, self._images)
        outputs, self._moved = _halves(model(*inputs), len(self._images))
        return outputs, batch

    def losses(self, model: MultiTask, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        losses, totals = super().losses(model, outputs, batch)
        if self._moved is not None:
            losses = losses + self._divergence(model, batch, outputs, self._moved)
        return losses, totals

    @torch.no_grad()
    def tried(self, model: MultiTask, batch: Batch) -> Tensor:
        if self._images is None:
            return super().tried(model, batch)
        inputs = tuple(_twice(model, batch, self._images))
        with unseen(model):
            both = functional_call(model, copied_buffers(model), inputs)
            outputs, moved = _halves(both, len(self._images))
            losses = model.losses(outputs, batch)[0]
            return losses + self._divergence(model, batch, outputs, moved)

    def _divergence(
        self, model: MultiTask, batch: Batch, outputs: Outputs, moved: Outputs
    ) -> Tensor:
        weights, tasks = self.attack.weights(model), model.named_tasks
        sums = [
            divergences(task, outputs[name], moved[name]).sum() * weights.get(name, 0.0)
            for name, task in tasks.items()
        ]
        count = sums[0].new_tensor(len(batch[IMAGE]))
        found = sum_losses(torch.stack([*sums, count]))
        return self.beta * model.task_weights * found[:-1] / found[-1].detach()

    def _attacked(self, model: MultiTask, batch: Batch) -> Tensor:
        images, weights = batch[IMAGE], self.attack.weights(model)
        self.look(images)
        others = {name: batch[name] for name in model.inputs}

        def outputs(pixels: Tensor) -> Outputs:
            seen = {**others, IMAGE: self.bounds.images(pixels).to(images.dtype)}
            return model(*model.inputs_of(seen))

        with attacked(model):
            clean = self.bounds.pixels(images.detach())
            with torch.no_grad():
                fixed = outputs(clean)

            def moved(pixels: Tensor) -> Tensor:
                found = outputs(pixels)
                return sum(
                    (
                        weight * divergences(model.named_tasks[name], fixed[name], found[name])
                        for name, weight in weights.items()
                    ),
                    start=pixels.new_zeros(len(pixels)),
                )

            found = self.attack.raised(clean, moved, places_of(batch), self.seed)
            return self.bounds.images(found).to(images.dtype)


def divergences(task: Task, output: Output, moved: Output) -> Tensor:
    """How far each sample's prediction has moved.

    Args:
        task: task of the outputs.
        output: raw outputs for the original images, see `multitask.tasks.Task.loss`.
        moved: raw outputs for the attacked images.

    Returns:
        Shape ``[batch]``: in nats for classes, otherwise squared; averaged over pixels and
        elements.
    """
    if isinstance(task, Classification):
        output, moved = (each_tensor(each, task.logits) for each in (output, moved))
    pairs = zip(_tensors(output), _tensors(moved), strict=True)
    compare = _nats if task.class_names is not None else _squares
    return torch.stack([compare(*pair).flatten(1).mean(1) for pair in pairs]).sum(0)


def _twice(model: MultiTask, batch: Batch, images: Tensor) -> list[Tensor]:
    twice = {name: torch.cat([batch[name]] * 2) for name in model.inputs if name != IMAGE}
    twice[IMAGE] = torch.cat([batch[IMAGE], images])
    return model.inputs_of(twice)


def _halves(outputs: Outputs, count: int) -> tuple[Outputs, Outputs]:
    first, second = (
        {name: rows_of(each, rows) for name, each in outputs.items()}
        for rows in (slice(0, count), slice(count, None))
    )
    return first, second


def _nats(before: Tensor, after: Tensor) -> Tensor:
    logs = after.log_softmax(1), before.log_softmax(1)
    return kl_div(*logs, reduction="none", log_target=True).sum(1, keepdim=True)


def _squares(before: Tensor, after: Tensor) -> Tensor:
    return (after - before).square()


def _tensors(output: Output) -> list[Tensor]:
    return list(output.values()) if isinstance(output, dict) else [output]
