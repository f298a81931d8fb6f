"""The model: a shared encoder and a head for each task, trained together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch import Callback
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from multitask import checkpoints, training
from multitask.balancing import Balancer, FixedWeights
from multitask.balancing.views import Views
from multitask.checkpoints.loading import Loadable
from multitask.distributed import sum_losses
from multitask.encoders import Encoder
from multitask.passes import Pass, PlainPass
from multitask.sharing import HardSharing, Sharing, SharingCallable
from multitask.tasks import Task, own_heads, predictions, teaching
from multitask.tasks.naming import check_names
from multitask.tasks.output import Output, in_full_precision
from multitask.training import Interval, OptimizerCallable, SchedulerCallable

Batch = dict[str, Tensor]
Outputs = dict[str, Output]


class MultiTask(Loadable):
    """A multi-task model with a shared encoder and a head for each task.

    A batch is a dictionary with the encoder's inputs, such as ``image`` ``[batch, channels, height,
    width]``, and each task's targets under the task's name, some of which may be missing. The loss
    of a task is the mean over its known targets in the global batch, so the result does not depend
    on the number of processes.

    Args:
        encoder: maps inputs to the shared representation.
        tasks: tasks by name. The name is also the key in the batch and the prefix of the metrics.
        balancer: combines the losses; default: their weighted sum.
        optimizer: class of the optimizer, with its other arguments bound; default: AdamW.
        scheduler: class of the learning rate schedule, with its other arguments bound.
        scheduler_interval: whether the schedule counts optimizer steps or epochs.
        rates: multipliers of the optimizer's learning rate for parts of the model, by their names.
        layer_decay: multiplier of the learning rate from each layer of the encoder to the one
            below.
        sharing: class of the sharing scheme, called with the representation's form and the tasks'
            names; default: `multitask.sharing.HardSharing`.
        training_pass: how a training batch is passed through the model; default: once, unchanged.
        skips: maximum number of batches to skip because a loss became NaN or infinite; training
            stops at the next one. More than 0 makes a GPU synchronise in each step.
        compile: whether ``torch.compile`` compiles what the tasks share, at the first batch.
        sync_batch_norm: whether batch normalisation uses the batch of all processes; without it,
            results depend on the number of processes.

    Raises:
        InputError: if the name of a task is invalid, or parts of the model are not compatible.
    """

    task_weights: Tensor
    description: dict[str, Any] | None = None

    def __init__(
        self,
        encoder: Encoder,
        tasks: dict[str, Task],
        balancer: Balancer | None = None,
        optimizer: OptimizerCallable | None = None,
        scheduler: SchedulerCallable | None = None,
        scheduler_interval: Interval = "step",
        rates: dict[str, float] | None = None,
        layer_decay: float | None = None,
        sharing: SharingCallable | None = None,
        training_pass: Pass | None = None,
        skips: int = 0,
        compile: bool = False,
        sync_batch_norm: bool = True,
    ) -> None:
        super().__init__()
        check_names(tasks, encoder.inputs)
        checkpoints.keep_hyperparameters(self, locals())
        self.inputs = tuple(encoder.inputs)
        scheme = (sharing or HardSharing)(encoder.form, list(tasks))
        self.encoder: nn.Module = scheme.trunk(encoder)
        if compile:
            # In place, so that the parameters keep their names.
            self.encoder.compile()
        self.tasks, self.task_losses = nn.ModuleDict(tasks), training.TaskLosses(tasks)
        self.sharing: Sharing = scheme
        self.heads = own_heads.build_heads(tasks, scheme.form)
        self.training_pass = training_pass or PlainPass()
        self.balancer = balancer or FixedWeights()
        self.balancer.check(list(tasks))
        self.balancer.check_negative([name for name in tasks if tasks[name].may_be_negative])
        self.balancer.connect(self.encoder)
        self.views = Views(self.balancer, teaching.factors(tasks))
        # Parameters that no backward pass reaches, which DDP would wait for.
        self._ddp_params_and_buffers_to_ignore = training.updated_elsewhere(self.balancer)
        # Not a default argument, whose settings the command line would pass to other classes.
        self.optimizer = checkpoints.Factory(optimizer or torch.optim.AdamW)
        self.scheduler = scheduler and checkpoints.Factory(scheduler)
        self.scheduler_interval, self.sync_batch_norm = scheduler_interval, sync_batch_norm
        self.rates = training.Rates(rates, layer_decay)
        self.evaluations = training.Evaluations(tasks)
        weights = torch.tensor([task.weight for task in tasks.values()])
        self.register_buffer("task_weights", weights, persistent=False)
        self.skipped, self.divergence = training.SkippedSteps(skips), training.Divergence(tasks)
        self.step: training.Step | None = None
        self._callbacks: list[Callback] = []

    @property
    def named_tasks(self) -> dict[str, Task]:
        """The tasks by name, in their order."""
        return dict(self.tasks.items())  # type: ignore[arg-type]

    def inputs_of(self, batch: Batch) -> list[Tensor]:
        """The entries of a batch that are the encoder's inputs, in its order."""
        return [batch[name] for name in self.inputs]

    def forward(self, *inputs: Tensor) -> Outputs:
        """Compute the raw outputs of every head from the encoder's inputs (see `inputs_of`).

        Returns:
            By task, shape ``[batch, out_features]`` or that of a map, at least float32.
        """
        features = self.sharing(self.views(self.encoder(*inputs), self.training))
        return {name: in_full_precision(head(features[name])) for name, head in self.heads.items()}

    def predict(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Compute predictions, see `multitask.tasks.predictions.predicted`; float32."""
        return predictions.predicted(self.named_tasks, self(*inputs))

    def losses(self, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        """Each task's mean loss over the global batch, times its weight; 0 if it has no label.

        Returns:
            Losses, shape ``[tasks]``, and sums of losses and of weights, ``[2, tasks]``.
        """
        totals = sum_losses(self.task_losses(outputs, batch))
        return training.mean_where_labelled(totals) * self.task_weights, totals

    def tried(self, batch: Batch, weights: Mapping[str, Tensor] | None = None) -> Tensor:
        """The `losses` with other weights, without side effects: see `multitask.training.tried`."""
        return training.tried(self, batch, weights or {})

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the balanced loss of the global batch."""
        self.step = None
        outputs, self._batch = self.training_pass(self, batch)
        losses, totals = self.training_pass.losses(self, outputs, self._batch)
        if self.skipped.skips(losses.detach()):
            return self.skipped.no_loss(self)
        self.divergence.see(losses, self)
        loss = self.balancer(losses, training.has_loss(totals))
        penalty = self.sharing.penalty()
        loss = loss if penalty is None else loss + penalty
        self.evaluations.of("train").update(outputs, self._batch, totals)
        samples = len(self._batch[self.inputs[0]]) * self.trainer.world_size
        self.step = training.Step(samples, totals.detach(), losses, loss)
        return loss

    def counted_weights(self) -> Tensor:
        """The effective weight of each loss for the encoder in the last step, ``[tasks]``."""
        assert self.step is not None
        return self.step.counted(self.task_weights, self.views.gradient_weights)

    def validation_step(self, batch: Batch, batch_idx: int, split: str = "val") -> Outputs:
        """Update the metrics with a batch; returns the raw outputs."""
        outputs = self.training_pass.evaluated(self, batch)
        totals = self.task_losses(outputs, batch)
        # The metrics cannot be updated with NaN.
        self.divergence.refuse_now(totals[0], self)
        self.evaluations.of(split).update(outputs, batch, totals)
        return outputs

    def test_step(self, batch: Batch, batch_idx: int) -> Outputs:
        """Update the metrics with a batch; returns the raw outputs."""
        return self.validation_step(batch, batch_idx, "test")

    def predict_step(self, batch: Batch, batch_idx: int) -> dict[str, Tensor]:
        """Predict in original units."""
        return self.predict(*self.inputs_of(batch))

    def configure_optimizers(self) -> Any:
        """Build the optimizer and its schedule."""
        return training.optimizer_and_schedule(self)

    def configure_callbacks(self) -> list[Callback]:
        """The callbacks that monitor and log training; new ones for each training."""
        return training.watchers(self)

    def setup(self, stage: str) -> None:
        """Check the data; synchronise batch normalisation over the processes."""
        training.prepare(self, self.trainer, stage)

    def configure_model(self) -> None:
        """Shard the parameters, if the strategy does so."""
        training.shard_model(self)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then let the balancer use the losses after it, before any checkpoint is saved."""
        super().optimizer_step(*args, **kwargs)
        if not self.skipped.is_step_skipped:
            self.balancer.after_step(lambda: self.training_pass.tried(self, self._batch))
        self.skipped.after_step()

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule, unless it monitors a metric: see `multitask.training.Plateaus`."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse to replace a good checkpoint by a diverged one."""
        self.divergence.refuse(self)
        checkpoints.stamp(checkpoint, self.description)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Reject the checkpoint of another model, and report how it differs."""
        checkpoints.take_up(self, checkpoint)
