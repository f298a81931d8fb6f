"""The average of a training's weights, which often predicts better than the last weights."""

from __future__ import annotations

from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle

from multitask.callbacks.averaged_tensors import AveragedTensors
from multitask.callbacks.fresh_statistics import FreshStatistics
from multitask.checkpoints.format import TRAINED
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.batch_statistics import BATCHES
from multitask.training.schedule_length import length_of_run


class WeightAverage(Callback):
    """Validate, test and save an average of the weights during training.

    With a ``decay``, the average is exponential: ``average = d * average + (1 - d) * weights``,
    where ``d`` rises to ``decay`` as ``(1 + n) / (10 + n)`` after ``n`` updates, unless ``warm_up``
    is false. Without a decay, all weights count equally: stochastic weight averaging (Izmailov et
    al., 2018, arXiv 1803.05407). The first update copies the weights.

    Training continues with its own weights. Validation, and thus ``val/score`` and ``best.ckpt``,
    uses the average, with newly computed batch normalisation statistics. So do the model in a
    checkpoint and the model after training. The balancer's state is not averaged. The average of
    float32 or 16-bit weights is in float32.

    Args:
        decay: fraction of the average that an update keeps, at least 0 and below 1; None for an
            equal average.
        start: number of optimizer steps before the first update.
        every: number of optimizer steps from one update to the next.
        warm_up: whether the decay starts lower; ignored for an equal average.
        refresh: number of training batches used to compute the batch normalisation statistics
            before each validation and at the end of an epoch. With 0, the training statistics are
            averaged like weights, which requires ``warm_up``.

    Raises:
        InputError: if a number is invalid.
    """

    def __init__(
        self,
        decay: float | None = 0.99,
        start: int = 0,
        every: int = 1,
        warm_up: bool = True,
        refresh: int = BATCHES,
    ) -> None:
        if decay is not None and not 0 <= decay < 1:
            raise InputError(
                f"decay is {decay}; it must be at least 0 and below 1, or null for equal parts"
            )
        for name, value, least in (
            ("start", start, 0),
            ("every", every, 1),
            ("refresh", refresh, 0),
        ):
            if value < least:
                raise InputError(
                    f"{name} is {value}; it must be a whole number of at least {least}"
                )
        self.decay, self.start, self.every = decay, start, every
        self.warm_up, self.refresh = warm_up, refresh
        self._forget()

    def _forget(self) -> None:
        self._steps: int | None = None
        self._updates = 0
        self._average: AveragedTensors | None = None
        self._taken_up: dict[str, Tensor] = {}
        self._statistics = FreshStatistics(self.refresh)
        self._handle: RemovableHandle | None = None

    def state_dict(self) -> dict[str, Any]:
        """The average, and the number of steps and updates behind it."""
        average = self._average.values if self._average is not None else self._taken_up
        return {"steps": self._steps or 0, "updates": self._updates, "average": dict(average)}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Reset, and move before all other callbacks, so that they see what is validated.

        Raises:
            InputError: if the parameters are sharded, or training ends before ``start``.
        """
        if stage != "fit":
            return
        if pl_module.device_mesh is not None:
            raise InputError("WeightAverage averages whole parameters; use the ddp strategy")
        if (data := getattr(trainer, "datamodule", None)) is not None:
            self.check_start(trainer, data)
        self._forget()
        others = [each for each in trainer.callbacks if each is not self]  # type: ignore[attr-defined]
        # A new list, since Lightning is iterating over this one.
        trainer.callbacks = [self, *others]  # type: ignore[attr-defined]

    def check_start(self, trainer: Trainer, data: DataModule) -> None:
        """Reject a training that ends before the first update.

        Args:
            trainer: the Trainer.
            data: the training data.

        Raises:
            InputError: with the number of steps.
        """
        if trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        length = length_of_run(trainer, data, "step")
        if length is not None and self.start >= length:
            raise InputError(
                f"WeightAverage: start is {self.start}, but training has {length} steps, so "
                "nothing would be averaged; lower it"
            )

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Restore the average of a resumed training.

        Raises:
            InputError: if it belongs to other weights than the model's.
        """
        state = (checkpoint.get("callbacks") or {}).get(self.state_key)
        if trainer.state.fn == "fit" and state is not None:
            self._steps, self._updates = int(state["steps"]), int(state["updates"])
            self._taken_up = dict(state["average"])
            AveragedTensors.check(self._taken_up, pl_module)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follow the optimizer; a step that it skips in 16-bit precision does not count."""
        assert isinstance(pl_module, MultiTask)
        if self._taken_up:
            self._average = AveragedTensors(pl_module, self._taken_up)
            self._taken_up = {}
        if self._steps is None:
            # A training that started without an average has already made steps.
            self._steps = trainer.global_step
        self._statistics.begin(pl_module)

        def after_step(optimizer: Optimizer, *_: Any) -> None:
            if not pl_module.skipped.is_step_skipped:
                self._follow(pl_module)

        self._handle = trainer.optimizers[0].register_step_post_hook(after_step)

    def _follow(self, model: MultiTask) -> None:
        assert self._steps is not None
        self._steps += 1
        since = self._steps - self.start - 1
        if since < 0 or since % self.every:
            return
        if self._average is None:
            self._average = AveragedTensors(model)
        else:
            self._average.update(1 - self._kept())
        self._updates += 1

    def _kept(self) -> float:
        updates = self._updates
        if self.decay is None:
            return updates / (updates + 1)
        return min(self.decay, (1 + updates) / (10 + updates)) if self.warm_up else self.decay

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Switch back to the training weights."""
        self._hide()

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Record which layers the user has frozen by now; in validation all appear frozen."""
        self._statistics.see_frozen()

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Put the average into the model, until training continues."""
        if trainer.state.fn == "fit" and not trainer.sanity_checking:
            self._show(trainer, pl_module)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Switch back to the training weights."""
        self._hide()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Give the epoch's checkpoints an average with statistics, even without validation."""
        if self._statistics.is_due(self._updates):
            self._show(trainer, pl_module)
        self._hide()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the average in the model."""
        self._show(trainer, pl_module)
        self._let_go()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Put the training weights back into the model."""
        if trainer.state.fn == "fit":
            self._hide()
        self._let_go()

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Save the average as the checkpoint's model; training continues with its own weights."""
        if self._average is None:
            return
        checkpoint[TRAINED] = self._average.trained()
        if not self._average.is_shown:
            shown = self._average.shown(self._statistics.of(self._updates))
            checkpoint["state_dict"] = {**checkpoint["state_dict"], **shown}

    def _show(self, trainer: Trainer, model: LightningModule) -> None:
        assert isinstance(model, MultiTask)
        if self._average is None or self._average.is_shown:
            return
        self._average.show()
        if self._statistics.is_due(self._updates):
            self._statistics.renew(trainer, model, self._updates)
        self._average.put(self._statistics.of(self._updates))

    def _hide(self) -> None:
        if self._average is not None:
            self._average.hide()

    def _let_go(self) -> None:
        self._statistics.end()
        if self._handle is not None:
            self._handle.remove()
            self._handle = None
