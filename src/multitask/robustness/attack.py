"""Small changes of images that increase a model's losses as much as possible."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from multitask.augmentation.draws import uniforms
from multitask.checkpoints.recipe import Recorded
from multitask.errors import InputError, nearest
from multitask.robustness.pixel_bounds import PixelBounds
from multitask.training.trial import KeptBuffers, precision_of, same_random_numbers

if TYPE_CHECKING:
    from multitask.module import Batch, MultiTask

Norm = Literal["inf", "2"]
Objective = Callable[[Tensor], Tensor]
"""Maps pixels ``[batch, channels, height, width]`` to the values to increase, ``[batch]``."""
IMAGE, METRICS = "image", "evaluations"
TINY = 1e-20


class Attack(Recorded):
    """Projected gradient ascent within a ball around each image.

    Madry et al., 2018 (arXiv 1706.06083): starting from a random point of the ball, it takes
    ``steps`` steps of ``step_size`` along the sign of the gradient (norm ``inf``), or along the
    gradient (norm ``2``), each followed by a projection into the ball and between black and white.
    One step without a random start is the fast gradient sign method (Goodfellow et al., 2015, arXiv
    1412.6572). The objective is the sum over the attacked tasks of weight times loss, for each
    image separately.

    All lengths are in pixel values from 0 to 1, before any normalisation. An image without a label
    of an attacked task is not changed. The random start only depends on the seed and on the
    sample's index.

    Args:
        eps: radius of the ball.
        steps: number of steps; 0 changes nothing.
        norm: ``inf`` limits the change of each value of an image, ``2`` the root of the sum of
            their squares.
        step_size: default: 2.5 times ``eps`` divided by ``steps``; for a single step ``eps``, or
            1.25 times ``eps`` after a random start (Wong et al., 2020, arXiv 2001.03994).
        tasks: weight of each attacked task by name; default: 1 for every task.
        restarts: number of attacks on each image. With more than one, the result is the worst point
            that any of them passed through; with one, it is the last point.
        random_start: whether an attack starts at a random point of the ball.

    Raises:
        InputError: if a setting is invalid.
    """

    def __init__(
        self,
        eps: float,
        steps: int = 10,
        norm: Norm = "inf",
        step_size: float | None = None,
        tasks: dict[str, float] | None = None,
        restarts: int = 1,
        random_start: bool = True,
    ) -> None:
        norm = str(norm)  # type: ignore[assignment]
        if norm not in ("inf", "2"):
            raise InputError(f"norm is {norm}; choose inf or 2")
        _check_length("eps", eps, norm)
        if step_size is not None:
            _check_length("step_size", step_size, norm)
        if steps < 0 or restarts < 1:
            raise InputError(
                f"steps is {steps} and restarts is {restarts}; give 0 or more steps, and at least "
                "1 restart"
            )
        for name, weight in (tasks or {}).items():
            if not 0 <= weight < math.inf:
                raise InputError(f"the attack's weight of '{name}' is {weight}; give 0 or more")
        if tasks is not None and not any(tasks.values()):
            raise InputError("the attack has weight 0 for every task; name a task to attack")
        self.eps, self.steps, self.norm, self.tasks = eps, steps, norm, tasks
        self.restarts, self.random_start = restarts, random_start
        single = eps * (1.25 if random_start else 1)
        usual = single if steps == 1 else 2.5 * eps / max(steps, 1)
        self.step_size = usual if step_size is None else step_size

    @property
    def name(self) -> str:
        """Norm and radius, as in names of metrics."""
        return f"{self.norm}-{self.eps:g}"

    def weights(self, model: MultiTask) -> dict[str, float]:
        """The weight of each attacked task of a model.

        Raises:
            InputError: if the model lacks a task, or has no image input.
        """
        known = model.named_tasks
        for name in self.tasks or {}:
            if name not in known:
                raise InputError(f"the attack names the task '{name}'{nearest(name, known)}")
        if IMAGE not in model.inputs:
            raise InputError(
                f"an attack changes images, but the model accepts {', '.join(model.inputs)}"
            )
        weights = dict.fromkeys(known, 1.0) if self.tasks is None else self.tasks
        return {name: weight for name, weight in weights.items() if weight > 0}

    def __call__(
        self,
        model: MultiTask,
        batch: Batch,
        places: Tensor,
        seed: int = 0,
        bounds: PixelBounds | None = None,
    ) -> Tensor:
        """Attack a batch of images; the model does not change.

        Args:
            model: in any mode; the attack uses evaluation mode, as for predictions.
            batch: inputs and targets, see `multitask.MultiTask`.
            places: indices of the samples in the run or in their split, shape ``[batch]``, int64.
            seed: seed of the random start.
            bounds: range of pixels in the batch's images; default: from 0 to 1.

        Returns:
            Attacked images to replace ``batch["image"]``, of the same shape and dtype.
        """
        weights, bounds = self.weights(model), bounds or PixelBounds()
        images = batch[IMAGE]
        known = torch.stack([model.named_tasks[name].known(batch[name]) for name in weights])
        with attacked(model):
            fixed = {name: _own(values) for name, values in batch.items()}
            clean = bounds.pixels(fixed[IMAGE].detach())

            def losses(pixels: Tensor) -> Tensor:
                seen = {**fixed, IMAGE: bounds.images(pixels).to(images.dtype)}
                return sample_losses(model, seen, weights)

            moved = self.raised(clean, losses, _own(places), seed)
            found = bounds.images(moved).to(images.dtype)
        # Exactly unchanged, without rounding by the conversion to pixels and back.
        is_same = ~known.any(0) if self.eps and self.steps else torch.ones_like(known[0])
        return torch.where(_over_pixels(is_same), images, found)

    def raised(self, clean: Tensor, objective: Objective, places: Tensor, seed: int) -> Tensor:
        """Search the ball around each image for a point with a large objective.

        Args:
            clean: pixels, shape ``[batch, channels, height, width]``.
            objective: the values to increase, differentiable; each depends only on its own image.
            places: see `__call__`.
            seed: see `__call__`.

        Returns:
            Pixels, same shape.
        """
        if not len(clean) or not self.steps or not self.eps:
            return clean
        ball = _Ball(clean, self.eps, self.norm)
        best, most = clean, clean.new_full((len(clean),), -math.inf)

        def remember(pixels: Tensor, values: Tensor) -> None:
            nonlocal best, most
            is_worse = values.detach() > most
            best = torch.where(_over_pixels(is_worse), pixels.detach(), best)
            most = torch.where(is_worse, values.detach(), most)

        for restart in range(self.restarts):
            pixels = ball.nearest(self._start(clean, places, seed, restart))
            for _ in range(self.steps):
                pixels = pixels.detach().requires_grad_()
                values = objective(pixels)
                # Only for the image: gradients of the weights would cost the same again.
                (slope,) = torch.autograd.grad(values.sum(), pixels)
                if self.restarts > 1:
                    remember(pixels, values)
                pixels = ball.nearest(pixels.detach() + self.step_size * self._way(slope))
            if self.restarts == 1:
                return pixels
            with torch.no_grad():
                remember(pixels, objective(pixels))
        return best

    def _start(self, clean: Tensor, places: Tensor, seed: int, restart: int) -> Tensor:
        if not self.random_start:
            return clean
        count = math.prod(clean.shape[1:])
        # An independent stream of numbers for each restart.
        seed += 1_000_003 * restart
        if self.norm == "inf":
            (drawn,) = uniforms(seed, places, [count])
            moved = drawn.to(clean).mul_(2).sub_(1).mul_(self.eps)
        else:
            numbers = uniforms(seed, places, [count, count, 1])
            first, second, length = (each.to(clean) for each in numbers)
            # Normal numbers, by the Box-Muller transform, have uniformly distributed directions.
            radius = (-2 * (1 - first).log()).sqrt()
            direction = radius * (2 * math.pi * second).cos()
            size = direction.norm(dim=1, keepdim=True).clamp_min(TINY)
            moved = direction / size * length * self.eps
        return clean + moved.view_as(clean)

    def _way(self, slope: Tensor) -> Tensor:
        if self.norm == "inf":
            return slope.sign()
        return slope / _over_pixels(slope.flatten(1).norm(dim=1).clamp_min(TINY))


class _Ball:
    """The images within a distance of clean ones, between black and white.

    A pixel beyond black or white, which interpolation may have created, does not move.
    """

    def __init__(self, clean: Tensor, eps: float, norm: Norm) -> None:
        self.clean, self.eps, self.norm = clean, eps, norm
        self.low, self.high = clean.clamp_max(0), clean.clamp_min(1)
        if norm == "inf":
            self.low = torch.maximum(clean - eps, self.low)
            self.high = torch.minimum(clean + eps, self.high)

    def nearest(self, moved: Tensor) -> Tensor:
        """The nearest images in the ball, then clipped between black and white."""
        if self.norm == "2":
            size = (moved - self.clean).flatten(1).norm(dim=1).clamp_min(TINY)
            change = (moved - self.clean) * _over_pixels((self.eps / size).clamp_max(1))
            moved = self.clean + change
        return moved.clamp(self.low, self.high)


def sample_losses(model: MultiTask, batch: Batch, weights: Mapping[str, float]) -> Tensor:
    """Each sample's weighted sum of its tasks' losses.

    Args:
        model: the model.
        batch: inputs and targets.
        weights: weights of the tasks, by name.

    Returns:
        Shape ``[batch]``; a task without a label adds 0.
    """
    outputs = model(*model.inputs_of(batch))
    total: Any = 0.0
    for name, weight in weights.items():
        losses, counts = model.named_tasks[name].sample_loss(outputs[name], batch[name])
        total = total + weight * losses / torch.where(counts > 0, counts, 1.0)
    return total


@contextmanager
def attacked(model: MultiTask) -> Iterator[None]:
    """Put a model into evaluation mode, with gradients, and restore it afterwards.

    Its mode, buffers, gradients and random numbers do not change; balancers and watchers of
    gradients ignore the computations in the context.

    Args:
        model: the model.
    """
    # Without the metrics, which compute nothing here, and which take as long to iterate over as a
    # small network takes to compute.
    parts = [each for name, each in model.named_children() if name != METRICS]
    modules = [each for part in parts for each in part.modules()]
    modes, buffers = [each.training for each in modules], KeptBuffers(modules)
    was_training, model.training = model.training, False
    for part in parts:
        part.eval()
    try:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            same_random_numbers(model.device),
            precision_of(model),
        ):
            yield
    finally:
        buffers.put_back()
        model.training = was_training
        for module, was_in_training in zip(modules, modes, strict=True):
            # To set an attribute of a module takes longer than to read it.
            if module.training is not was_in_training:
                module.training = was_in_training


def _own(values: Tensor) -> Tensor:
    # Tensors of inference mode, which Lightning uses for tests, cannot be differentiated.
    return values.clone() if values.is_inference() else values


def _over_pixels(values: Tensor) -> Tensor:
    return values.view(-1, 1, 1, 1)


def _check_length(name: str, length: float, norm: str) -> None:
    if not 0 <= length < math.inf:
        raise InputError(f"{name} is {length}; give 0 or more")
    if norm == "inf" and length > 1:
        raise InputError(
            f"{name} is {length:g}; pixels are between 0 and 1, so {length:g}/255 is "
            f"{length / 255:.4f}"
        )
