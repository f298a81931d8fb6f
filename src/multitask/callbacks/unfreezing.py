"""Parts of a model that start to learn later than others, or never learn."""

from __future__ import annotations

import logging
from math import inf
from typing import Any, Literal

from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn

from multitask.callbacks.rewrapping import wrap_anew
from multitask.callbacks.unfreezing_checks import check_balancer, check_trainer
from multitask.callbacks.unfreezing_plan import UnfreezingPlan
from multitask.data import DataModule
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.training.schedule_length import length_of_run

LOG = logging.getLogger("multitask")


class Unfreezing(Callback):
    """Freeze parts of the model, for some steps or permanently.

    A frozen part gets no gradient and is in evaluation mode, so that neither its parameters nor its
    running statistics change. If the encoder is frozen, only the heads learn, as in a linear probe.
    If it is unfrozen after some steps, this is LP-FT (Kumar et al., 2022, arXiv 2202.10054). If it
    is unfrozen part by part from the heads down, this is gradual unfreezing (Howard and Ruder,
    2018, arXiv 1801.06146).

    What learns depends on the step alone, so that a resumed training continues as if it had never
    stopped. Steps are those that ``trainer.max_steps`` counts. A gradient balancer starts when the
    encoder does.

    Args:
        frozen: names of modules or parameters, such as ``encoder``, ``encoder.embedding`` or
            ``heads.digit``. Each includes everything in it.
        until: number of steps after which a frozen part, or a part of one, starts to learn, by
            name. If several names contain a parameter, the longest applies. Parts without an entry
            stay frozen.
        unit: whether ``until`` counts optimizer steps or epochs.

    Raises:
        InputError: if a name or a number is invalid.
    """

    def __init__(
        self,
        frozen: list[str],
        until: dict[str, int] | None = None,
        unit: Literal["steps", "epochs"] = "steps",
    ) -> None:
        if unit not in ("steps", "epochs"):
            raise InputError(f"Unfreezing: unit is {unit!r}; choose steps or epochs")
        self.plan, self.unit = UnfreezingPlan(frozen, until or {}), unit
        self._forget()

    def _forget(self) -> None:
        self._parameters: dict[nn.Parameter, float] = {}
        # Modules in training mode themselves: those that the user put in evaluation mode stay
        # there.
        self._modules: dict[nn.Module, float] = {}
        self._frozen: list[nn.Module] = []
        self._now = -1.0

    def check(self, model: MultiTask, trainer: Trainer, data: DataModule | None) -> None:
        """Reject a plan that cannot be carried out in a training.

        Args:
            model: the model.
            trainer: the Trainer, before it trains.
            data: the training data, if known.

        Raises:
            InputError: with a suggestion of what would be valid.
        """
        self.plan.check_names(model)
        check_trainer(trainer, type(self))
        begins = self.plan.parameters(model)
        if not any(each.requires_grad and begins[each] == 0 for each in begins):
            raise InputError(
                "Unfreezing: nothing is left to learn at the beginning; remove a part from frozen, "
                "such as heads"
            )
        check_balancer(self.plan, model, self.unit)
        if data is None or trainer.fast_dev_run:  # type: ignore[attr-defined]
            return
        length = length_of_run(trainer, data, self.unit.removesuffix("s"))
        for part, moment in self.plan.begins.items():
            if length is not None and length <= moment < inf:
                raise InputError(
                    f"Unfreezing: '{part}' is frozen until {moment}, but training lasts {length} "
                    f"{self.unit}; give less, or remove it from until to keep it frozen"
                )

    def never_learns(self, module: nn.Module, model: MultiTask) -> bool:
        """Whether a part of the model stays frozen until the end.

        Args:
            module: the part.
            model: the model.
        """
        begins = self.plan.parameters(model)
        return all(begins[each] == inf for each in module.parameters())

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Check the plan, and move before other callbacks, so that they see what learns in a batch.

        Raises:
            InputError: see `check`.
        """
        if stage != "fit":
            return
        assert isinstance(pl_module, MultiTask)
        self.check(pl_module, trainer, getattr(trainer, "datamodule", None))
        others = [each for each in trainer.callbacks if each is not self]  # type: ignore[attr-defined]
        # A new list, since Lightning is iterating over this one.
        trainer.callbacks = [self, *others]  # type: ignore[attr-defined]

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Freeze, once the step at which training continues is known."""
        self._forget()
        # A parameter that the user froze in another way must stay frozen.
        self._parameters = {
            each: begin
            for each, begin in self.plan.parameters(pl_module).items()
            if begin and each.requires_grad
        }
        modules = self.plan.modules(pl_module).items()
        self._modules = {each: begin for each, begin in modules if begin and each.training}
        self._switch(trainer, pl_module)
        frozen = [
            part if begin == inf else f"{part} until {self._moment(begin)}"
            for part, begin in self.plan.begins.items()
            if begin > self._now
        ]
        if frozen:
            self._tell(trainer, pl_module, f"Frozen: {', '.join(frozen)}")

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        """Unfreeze what is due; put the rest in evaluation mode, which may have changed."""
        before, now = self._now, self._count(trainer)
        due = [part for part, begin in self.plan.begins.items() if before < begin <= now]
        if due:
            self._switch(trainer, pl_module)
            what = f"{', '.join(due)} {'learns' if len(due) == 1 else 'learn'} from here"
            self._tell(trainer, pl_module, f"{self._moment(now).capitalize()}: {what}")
        self._now = now
        for module in self._frozen:
            # Reading is much faster than setting.
            if module.training:
                module.training = False

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Restore the model, for a training without this callback."""
        if stage == "fit":
            self._release()

    def on_exception(
        self, trainer: Trainer, pl_module: LightningModule, exception: BaseException
    ) -> None:
        """Restore the model."""
        self._release()

    def _count(self, trainer: Trainer) -> float:
        return float(trainer.global_step if self.unit == "steps" else trainer.current_epoch)

    def _moment(self, count: float) -> str:
        return f"{self.unit.removesuffix('s')} {count:g}"

    def _switch(self, trainer: Trainer, model: LightningModule) -> None:
        """Enable learning for exactly the parts that are due now."""
        self._now = self._count(trainer)
        for parameter, begin in self._parameters.items():
            parameter.requires_grad_(begin <= self._now)
        for module, begin in self._modules.items():
            module.training = begin <= self._now
        self._frozen = [each for each, begin in self._modules.items() if begin > self._now]
        wrap_anew(trainer, model)

    def _tell(self, trainer: Trainer, model: LightningModule, text: str) -> None:
        if trainer.is_global_zero:
            every = list(model.parameters())
            learning = sum(each.numel() for each in every if each.requires_grad)
            whole = sum(each.numel() for each in every)
            text = f"{text}; {learning:,} of {whole:,} parameters learn"
            trainer.print(text)
            LOG.info(text)

    def _release(self) -> None:
        for parameter in self._parameters:
            parameter.requires_grad_(True)
        for module in self._modules:
            module.training = True
        self._forget()
