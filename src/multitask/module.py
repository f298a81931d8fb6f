"""The model: a shared encoder and a head for each task, trained together."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.strategies import DeepSpeedStrategy, FSDPStrategy, ModelParallelStrategy
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from multitask.balancing import Balancer, FixedWeights
from multitask.balancing.gate import gate, needs_gradient
from multitask.balancing.task_gradients import TaskGradients
from multitask.checkpoints.fits import check_fits
from multitask.checkpoints.hyperparameters import keep_hyperparameters
from multitask.distributed import sum_losses
from multitask.encoders import Encoder
from multitask.errors import InputError
from multitask.sharing import HardSharing, Sharing
from multitask.tasks import Task
from multitask.tasks.naming import check_names
from multitask.training.batch_norm import synchronize_batch_norm
from multitask.training.data_check import check_data
from multitask.training.divergence import refuse_diverged
from multitask.training.evaluation import Evaluation
from multitask.training.mean_losses import mean_where_labelled
from multitask.training.optimization import (
    Interval,
    OptimizerCallable,
    SchedulerCallable,
    made,
    parameter_groups,
    scheduled,
    step_plateaus,
)
from multitask.training.sharding import shard
from multitask.training.skipped_steps import SkippedSteps
from multitask.training.step_log import StepLog
from multitask.training.task_losses import TaskLosses

SharingCallable = Callable[[int, list[str]], Sharing]
Batch = dict[str, Tensor]
Outputs = dict[str, Tensor]


class MultiTask(LightningModule):
    """One encoder, several tasks.

    A batch is a dictionary with ``image`` ``[batch, channels, height, width]`` and each task's
    targets under the task's name, some of them missing. The loss of a task is the mean over its
    known targets in the global batch, so that any number of processes computes the same.

    Args:
        encoder: images to the shared representation.
        tasks: what to learn, by name. The name is also the key in the batch and the prefix of the
            metrics.
        balancer: how the losses are combined; their weighted sum where not given.
        optimizer: class of the optimizer, its other arguments bound; AdamW where not given.
        scheduler: class of the learning rate schedule, its other arguments bound.
        scheduler_interval: whether the schedule counts optimizer steps or epochs.
        sharing: class that decides what each task sees of the representation, called with its size
            and the tasks' names; all of it (`multitask.sharing.HardSharing`) where not given.
        skips: how many batches may be left out because a loss became NaN or infinite; at the next
            one training stops. More than 0 makes a GPU wait in each step.
        compile: whether the encoder is compiled by ``torch.compile``, at the first batch.
        sync_batch_norm: whether batch normalisation sees the batch of all processes, without which
            several do not learn what one learns.

    Raises:
        InputError: if a task's name cannot be one, or the balancer does not fit the tasks or a
            compiled encoder.
    """

    task_weights: Tensor
    diverged: Tensor

    def __init__(
        self,
        encoder: Encoder,
        tasks: dict[str, Task],
        balancer: Balancer | None = None,
        optimizer: OptimizerCallable | None = None,
        scheduler: SchedulerCallable | None = None,
        scheduler_interval: Interval = "step",
        sharing: SharingCallable | None = None,
        skips: int = 0,
        compile: bool = False,
        sync_batch_norm: bool = True,
    ) -> None:
        super().__init__()
        check_names(tasks)
        if not hasattr(encoder, "out_features"):
            raise InputError(
                f"the encoder {type(encoder).__name__} has no out_features; set it in the "
                "constructor to the number of features that it returns"
            )
        keep_hyperparameters(
            self,
            encoder=encoder,
            tasks=tasks,
            balancer=balancer,
            optimizer=optimizer,
            scheduler=scheduler,
            scheduler_interval=scheduler_interval,
            sharing=sharing,
            skips=skips,
            compile=compile,
            sync_batch_norm=sync_batch_norm,
        )
        self.skipped = SkippedSteps(skips)
        self.sync_batch_norm = sync_batch_norm
        self.encoder: nn.Module = encoder
        if compile:
            # In place, which leaves the parameters their names.
            encoder.compile()
        self.tasks = nn.ModuleDict(tasks)
        self._task_losses = TaskLosses(tasks)
        shared = (sharing or HardSharing)(encoder.out_features, list(tasks))
        self.sharing: nn.Module = shared
        heads = {
            name: task.head(shared.out_features, task.out_features) for name, task in tasks.items()
        }
        self.heads = nn.ModuleDict(heads)
        self.balancer = balancer or FixedWeights()
        self.balancer.check(list(tasks))
        self.balancer.connect(encoder)
        self.gradient_watchers: list[Callable[[TaskGradients], None]] = []
        # Not the parameter's default: the command line hands its settings to any other class.
        self.optimizer = optimizer or torch.optim.AdamW
        self.scheduler = scheduler
        self.scheduler_interval = scheduler_interval
        self.evaluations = nn.ModuleDict(
            {
                "train_split": Evaluation("train", tasks),
                "val_split": Evaluation("val", tasks),
                "test_split": Evaluation("test", tasks),
            }
        )
        # Parameters that no backward pass reaches, which DDP would wait for.
        self._ddp_params_and_buffers_to_ignore = [
            f"balancer.{name}" for name in self.balancer.keeps_for_itself()
        ]
        self.step_log = StepLog(list(tasks))
        self._resumed: dict[str, Any] | None = None
        self._to_log: Tensor | None = None
        task_weights = torch.tensor([task.weight for task in tasks.values()])
        self.register_buffer("task_weights", task_weights, persistent=False)
        self.register_buffer("diverged", torch.zeros(len(tasks)).bool(), persistent=False)

    @property
    def named_tasks(self) -> dict[str, Task]:
        """The tasks by name, in their order."""
        return dict(self.tasks.items())  # type: ignore[arg-type]

    def forward(self, image: Tensor) -> Outputs:
        """Compute every head's raw outputs.

        Args:
            image: shape ``[batch, channels, height, width]``, floating.

        Returns:
            By task, shape ``[batch, out_features]``, at least float32.
        """
        features = self.sharing(self._views(self.encoder(image)))
        return {name: _full(head(features[name])) for name, head in self.heads.items()}

    def losses(self, outputs: Outputs, batch: Batch) -> tuple[Tensor, Tensor]:
        """Compute each task's mean loss over the global batch, times the task's weight.

        Args:
            outputs: what `forward` returned for the batch's images.
            batch: see the class.

        Returns:
            Losses, 0 where there is no label, and which tasks have labels; shape ``[tasks]`` each.
        """
        totals = sum_losses(self.loss_totals(outputs, batch))
        return mean_where_labelled(totals) * self.task_weights, totals[1] > 0

    def loss_totals(self, outputs: Outputs, batch: Batch) -> Tensor:
        """Sum each task's loss over the known targets of this process's batch.

        Args:
            outputs: what `forward` returned for the batch's images.
            batch: see the class.

        Returns:
            Sums of the losses and of their weights, shape ``[2, tasks]``.
        """
        return self._task_losses(outputs, batch)

    def predict(self, image: Tensor) -> Outputs:
        """Compute what people read: class probabilities, numbers in original units.

        Args:
            image: shape ``[batch, channels, height, width]``, floating.

        Returns:
            By task, shape ``[batch, out_features]``, float32.
        """
        outputs = self(image)
        return {name: task.predict(outputs[name]) for name, task in self.named_tasks.items()}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Compute the balanced loss of the global batch."""
        self._batch = batch
        self.skipped.before_batch(self)
        outputs = self(batch["image"])
        totals = sum_losses(self.loss_totals(outputs, batch))
        losses = mean_where_labelled(totals) * self.task_weights
        if self.skipped.leaves_out(losses.detach()):
            return self.skipped.no_loss(self)
        self.diverged |= ~losses.detach().isfinite()
        if self.device.type == "cpu":
            self._stop_if_diverged()
        loss = self.balancer(losses, totals[1] > 0)
        self._split("train").update(outputs, batch, totals)
        self.step_log.count(totals.detach(), len(batch["image"]) * self.trainer.world_size)
        every = self.trainer.log_every_n_steps  # type: ignore[attr-defined]
        is_due = bool(every) and ((batch_idx + 1) % every == 0 or self.trainer.is_last_batch)
        if is_due or self.gradient_watchers:
            (weights,) = torch.autograd.grad(loss, losses, retain_graph=True)
            self._loss_weights = weights * self.task_weights
        if is_due:
            self._to_log = loss.detach()
        return loss

    def on_after_backward(self) -> None:
        """Log what the balancer made of the losses and gradients."""
        self.balancer.after_backward()
        if self._to_log is not None:
            self._log_step(self._to_log)
            self._to_log = None

    def counted_weights(self) -> Tensor:
        """How much each task's loss counted for the encoder in the batch that is being logged.

        Returns:
            Shape ``[tasks]``.
        """
        balanced = self.balancer.gradient_weights
        weights = self._loss_weights
        return weights if balanced is None else weights * balanced.to(weights)

    def validation_step(self, batch: Batch, batch_idx: int) -> Outputs:
        """Count a validation batch in; returns the raw outputs."""
        return self._evaluate("val", batch)

    def test_step(self, batch: Batch, batch_idx: int) -> Outputs:
        """Count a test batch in; returns the raw outputs."""
        return self._evaluate("test", batch)

    def predict_step(self, batch: Batch, batch_idx: int) -> Outputs:
        """Predict in original units."""
        return self.predict(batch["image"])

    def configure_optimizers(self) -> Any:
        """Build the optimizer and its schedule."""
        groups = parameter_groups(self, self.balancer)
        optimizer = made("optimizer", self.optimizer, groups)
        return scheduled(optimizer, self.scheduler, self.scheduler_interval)

    def metric_directions(self) -> list[tuple[str, bool]]:
        """Names of all validation and test metrics, and whether higher is better."""
        names: list[tuple[str, bool]] = []
        for split in ("val", "test"):
            for task in self.tasks:
                names.append((f"{split}/{task}/loss", False))
                names += self._split(split).directions(task)
        return names

    def setup(self, stage: str) -> None:
        """Look at the data; join the batch normalisation of several processes."""
        data = getattr(self.trainer, "datamodule", None)
        split = {"fit": "train", "validate": "val"}.get(stage, "test")
        check_data(self.named_tasks, data, split)
        if stage == "fit" and self.sync_batch_norm and self.trainer.world_size > 1:
            on_gpu = self.trainer.strategy.root_device.type == "cuda"
            self.encoder = synchronize_batch_norm(self.encoder, on_gpu)
            self.sharing = synchronize_batch_norm(self.sharing, on_gpu)
            self.heads = synchronize_batch_norm(self.heads, on_gpu)  # type: ignore[assignment]
        if stage == "fit":
            strategy = self.trainer.strategy
            sharded = isinstance(strategy, FSDPStrategy | ModelParallelStrategy | DeepSpeedStrategy)
            precision, processes = str(self.trainer.precision), self.trainer.world_size
            self.balancer.check_run(precision, sharded, processes)
            if sharded and self.skipped.most:
                raise InputError("model.skips works with whole parameters only: set it to 0")
            self.balancer.connect(self.encoder)

    def configure_model(self) -> None:
        """Shard the parameters, under a strategy that does."""
        if self.device_mesh is not None:
            for network in (self.encoder, self.sharing, *self.heads.values()):
                shard(network, self.device_mesh)

    def on_train_start(self) -> None:
        """Start the clock, and take up what was logged and measured before a resume."""
        self.step_log.start()
        if self._resumed is not None:
            self.step_log.load_state_dict(self._resumed["step_log"])
            self.trainer.callback_metrics.update(self._resumed["metrics"])
            self.skipped.count = self._resumed.get("skipped", 0)
            self._resumed = None

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Have nothing changed by batches that were left out."""
        self.skipped.before_step(optimizer)

    def optimizer_step(self, *args: Any, **kwargs: Any) -> None:
        """Step, then let the balancer see the losses after it, before any checkpoint is saved."""
        super().optimizer_step(*args, **kwargs)
        if not self.skipped.is_step_left_out:
            self.balancer.after_step(lambda: self._losses_now(self._batch))
        self.skipped.after_step()

    def on_train_epoch_end(self) -> None:
        """Log the training metrics; a diverged run stops here at the latest."""
        self._stop_if_diverged()
        self.balancer.after_epoch()
        self._log_training_epoch()
        if self.trainer.is_last_batch:
            step_plateaus(self.trainer)

    def lr_scheduler_step(self, scheduler: Any, metric: Any) -> None:
        """Step a schedule, unless it watches a metric: see `on_train_epoch_end`."""
        if not isinstance(scheduler, ReduceLROnPlateau):
            super().lr_scheduler_step(scheduler, metric)

    def on_validation_epoch_end(self) -> None:
        """Log the validation metrics."""
        self._log_epoch("val")

    def on_test_epoch_end(self) -> None:
        """Log the test metrics, and the trivial predictor's."""
        self._log_epoch("test")

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Never replace a good checkpoint by a diverged one; keep what is needed to go on."""
        self._stop_if_diverged()
        measured = self._trainer.callback_metrics if self._trainer is not None else {}
        metrics = {name: value.cpu() for name, value in measured.items()}
        checkpoint["progress"] = {
            "step_log": self.step_log.state_dict(),
            "metrics": metrics,
            "skipped": self.skipped.count,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Refuse the checkpoint of another model, saying how it differs."""
        if "state_dict" in checkpoint:
            # Where parameters are shared out, the strategy has loaded the weights already.
            check_fits(checkpoint["state_dict"], self.state_dict())
        self._resumed = checkpoint.get("progress")
        if self._trainer is not None and self._trainer.precision == "64-true":
            # Lightning does so after loading, which would round the weights.
            self.double()

    def _views(self, representation: Any) -> dict[str, Any]:
        watched = self.balancer.weighs_gradients or bool(self.gradient_watchers)
        if not (self.training and watched and needs_gradient(representation)):
            return dict.fromkeys(self.tasks, representation)
        return gate(representation, list(self.tasks), self._combine)

    def _combine(self, gradients: TaskGradients) -> list[Tensor | None]:
        for watch in self.gradient_watchers:
            watch(gradients)
        return self.balancer.combine(gradients)

    def _split(self, name: str) -> Evaluation:
        return self.evaluations[f"{name}_split"]  # type: ignore[return-value]

    def _losses_now(self, batch: Batch) -> Tensor:
        with torch.no_grad():
            losses, _ = self.losses(self(batch["image"]), batch)
        return losses

    def _evaluate(self, split: str, batch: Batch) -> Outputs:
        outputs = self(batch["image"])
        totals = self.loss_totals(outputs, batch)
        self.diverged |= ~totals[0].isfinite()
        # The metrics could not count NaN in.
        self._stop_if_diverged()
        self._split(split).update(outputs, batch, totals)
        return outputs

    def _log_step(self, loss: Tensor) -> None:
        self._stop_if_diverged()
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        values = self.step_log.values(loss, self.counted_weights(), rate)
        for logger in self.trainer.loggers:
            logger.log_metrics({**values, "epoch": self.current_epoch}, step=self.global_step)
        self.log("loss", loss, prog_bar=True, logger=False)

    def _log_training_epoch(self) -> None:
        if not self._split("train").losses.update_called:
            # An epoch that was resumed at its end has no batch left.
            return
        values = self._split("train").compute()
        # All processes have computed the same values, of all samples.
        self.trainer.callback_metrics.update(values)
        # Not left to Lightning, which logs after the epoch's checkpoint is saved.
        numbers = {name: float(value) for name, value in values.items()}
        for logger in self.trainer.loggers:
            logger.log_metrics({**numbers, "epoch": self.current_epoch}, step=self.global_step - 1)

    def _log_epoch(self, split: str) -> None:
        values = self._split(split).compute()
        if self.trainer.sanity_checking:
            return
        score = values.pop(f"{split}/score")
        with warnings.catch_warnings():
            # All processes have computed the same values, of all samples: a reduction of each
            # would only take time. Lightning warns of its absence when the values are asked for.
            warnings.filterwarnings("ignore", message=".*sync_dist=True.*")
            self.log_dict(values)
            self.log(f"{split}/score", score, prog_bar=split == "val")
            self.trainer.callback_metrics  # noqa: B018

    def _stop_if_diverged(self) -> None:
        refuse_diverged(self.diverged, list(self.tasks), self)


def _full(values: Tensor) -> Tensor:
    return values.to(torch.promote_types(values.dtype, torch.float32))
