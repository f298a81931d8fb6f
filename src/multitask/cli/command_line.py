"""The command line's verbs, on Lightning's CLI."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities import rank_zero_only
from lightning.pytorch.utilities.exceptions import MisconfigurationException, SIGTERMException

from multitask.callbacks import (
    BestCheckpoint,
    Cost,
    Figures,
    GradientTelemetry,
    LastCheckpoint,
    LostProcess,
    PredictionTable,
    ProgressBar,
    RandomState,
    SourceEvaluation,
    StopSignal,
)
from multitask.callbacks.lost_process import is_connection_lost
from multitask.checkpoints.atomic_writing import AtomicCheckpointIO
from multitask.cli.arguments import RUN_FOLDER, values_of
from multitask.cli.failures import advice, explained
from multitask.cli.instantiation import made_as_set
from multitask.cli.parser import Parser
from multitask.cli.preflight import check, check_artifacts, check_length, check_monitors
from multitask.cli.processes import check_processes, set_processes
from multitask.cli.report import describe, report, say_where
from multitask.data import DataModule
from multitask.distributed import is_first_process
from multitask.errors import InputError
from multitask.module import MultiTask
from multitask.runs.checkpoint_artifacts import CheckpointArtifacts
from multitask.runs.data_record import DataRecord
from multitask.runs.folder import folder_of, make_folder, new_folder
from multitask.runs.log_file import keep_log, quiet_screen, say
from multitask.runs.metrics_file import MetricsFile
from multitask.runs.record import RunRecord
from multitask.runs.settings import RunSettings
from multitask.runs.summary import write_summary
from multitask.runs.tracking import finish, mark_preempted, sync_command, wandb_logger, wandb_mode

INTERRUPTED, TERMINATED = 130, 143
"""Exit codes of a program that Ctrl-C has stopped, and of one that SIGTERM has."""
NOTICE = 3.0
"""Seconds after which a process that has ended is noticed by those that watch it."""


class CommandLine(LightningCLI):
    """``fit``, ``validate``, ``test`` and ``predict``, each in a folder of its own.

    Args:
        arguments: what `multitask.cli.arguments.prepare` returned.
        resumed: the folder of the run that goes on, if one does.
    """

    model: MultiTask
    datamodule: DataModule

    def __init__(self, arguments: list[str], resumed: Path | None = None) -> None:
        self.resumed = resumed
        self.cost = Cost()
        self.lost_process = LostProcess(lambda: advice(self.folder), say)
        quiet_screen()
        Parser.command_line = arguments
        super().__init__(
            MultiTask,
            DataModule,
            subclass_mode_data=True,
            parser_class=Parser,
            save_config_callback=None,
            seed_everything_default=0,
            auto_configure_optimizers=False,
            args=arguments,
        )

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.record.folder

    @property
    def settings(self) -> RunSettings:
        """What was said about the run as a whole."""
        return self._get(self.config_init, "run")

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the ``run`` group."""
        parser.add_class_arguments(RunSettings, "run")

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse, without Lightning's warning that arguments were given from Python."""
        self.config = parser.parse_args(args)  # type: ignore[arg-type]
        config = self.config[self.config.subcommand]
        encoder = config.model.encoder.get("init_args") or {}
        if config.ckpt_path and "pretrained" in encoder:
            # The weights come from the checkpoint; none need be downloaded.
            encoder["pretrained"] = False
        seed = config.seed_everything
        if not isinstance(seed, bool) and not 0 <= seed < 2**32:
            raise InputError(f"seed_everything is {seed}; give a number from 0 to {2**32 - 1}")
        run = config.run
        if run.experiment is None:
            configs = values_of(Parser.command_line, "config", "c")
            run.experiment = Path(configs[0]).stem if configs else "default"

    def before_instantiate_classes(self) -> None:
        """Have all classes but the model and the data, which Lightning makes, made with care."""
        self.parser.add_instantiator(made_as_set, object)

    def _parse_ckpt_path(self) -> None:
        """Do nothing: what a checkpoint holds must not override what a person writes."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Check what can be checked, then make the run's folder and the Trainer around it."""
        verb = str(self.subcommand)
        config = self.config_init[verb]
        check(verb, self.model, self.datamodule, config.ckpt_path)
        trainer = config.trainer
        if verb == "fit":
            check_length(trainer, self.datamodule, config.ckpt_path)
            check_artifacts(self.settings, trainer)
        check_monitors(self._user_callbacks(), self.model, self.datamodule)
        check_processes(trainer)
        set_processes(trainer)
        wandb_mode(self.settings)
        written = self._parser(verb).dump(self.config[verb], skip_none=False)
        self.record = RunRecord(self._run_folder(), written)
        trainer.callbacks = [*self._user_callbacks(), *self._callbacks(verb, trainer)]
        trainer.plugins = [*_listed(trainer.plugins), AtomicCheckpointIO()]
        own_loggers = trainer.logger is None and not trainer.fast_dev_run
        if trainer.logger is None:
            trainer.logger = False
        if trainer.enable_model_summary is None:
            trainer.enable_model_summary = False
        try:
            made = Trainer(**trainer, **kwargs)
        except InputError:
            raise
        except (MisconfigurationException, ValueError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise InputError(f"the Trainer cannot work as set: {reason}") from error
        self.lost_process.before_meeting(made)
        self._make_folder()
        if own_loggers:
            made.loggers = self._loggers(verb)
        return made

    def fit(self, model: LightningModule, **kwargs: Any) -> None:
        """Train, then test the best checkpoint."""
        rank_zero_only(say)(describe(self.model, self.datamodule))
        self._guard(self.trainer.fit, model, **kwargs)
        callbacks = self.trainer.checkpoint_callbacks
        best = [each.best_model_path for each in callbacks if isinstance(each, BestCheckpoint)]
        if not self.settings.test_after_fit or self.trainer.fast_dev_run:  # type: ignore[attr-defined]
            return self._say_where()
        if not any(best):
            rank_zero_only(say)(
                "Not tested, because no validation took place that could tell the best checkpoint."
                if best
                else "Not tested, because no checkpoint was saved."
            )
            return self._say_where()
        options = {"ckpt_path": best[0], "weights_only": True, "verbose": False}
        self._guard(self.trainer.test, model, datamodule=self.datamodule, **options)
        return self._report("test")

    def _guard(self, stage: Callable[..., Any], model: LightningModule, **kwargs: Any) -> None:
        try:
            stage(model, **kwargs)
        except SystemExit as stopped:
            # Lightning's answer to Ctrl-C and to SIGTERM.
            if not self.trainer.interrupted:
                raise
            self._end_early(isinstance(stopped, SIGTERMException))
        except Exception as error:
            if is_connection_lost(error) and self.lost_process.is_noticed.wait(NOTICE):
                # It has been told already.
                raise SystemExit(1) from error
            sentence = explained(error, self.folder, self.datamodule.batch_size)
            if sentence is None:
                raise
            raise sentence from error

    def _end_early(self, by_signal: bool) -> None:
        rank_zero_only(say)(f"Interrupted; {advice(self.folder)}")
        # A sweep's agent stops a trial that does badly, and gives up after a few failures.
        is_trial = by_signal and "WANDB_SWEEP_ID" in os.environ
        code = 0 if is_trial else TERMINATED if by_signal else INTERRUPTED
        if by_signal and not is_trial:
            rank_zero_only(mark_preempted)()
        self._say_where(code)
        # For the first process another's code is that of a failure, at which it ends all others.
        raise SystemExit(code if is_first_process() else 0)

    def validate(self, model: LightningModule, **kwargs: Any) -> None:
        """Validate a checkpoint."""
        self.trainer.validate(model, **{**kwargs, "verbose": False})
        self._report("val")

    def test(self, model: LightningModule, **kwargs: Any) -> None:
        """Test a checkpoint."""
        self.trainer.test(model, **{**kwargs, "verbose": False})
        self._report("test")

    def predict(self, model: LightningModule, **kwargs: Any) -> None:
        """Write a table of predictions."""
        self.trainer.predict(model, **{**kwargs, "return_predictions": False})
        self._say_where()

    def _run_folder(self) -> Path:
        if not is_first_process() and RUN_FOLDER in os.environ:
            return Path(os.environ[RUN_FOLDER])
        return self._new_or_resumed_folder()

    def _make_folder(self) -> None:
        # Not before everything is known to fit together: a run that never began leaves nothing.
        if is_first_process() and not self.config_init[self.subcommand].trainer.fast_dev_run:
            make_folder(self.folder)
            keep_log(self.folder)
            os.environ[RUN_FOLDER] = str(self.folder)

    def _new_or_resumed_folder(self) -> Path:
        if self.subcommand == "fit":
            return self.resumed or self._new_folder()
        # The test of a run's checkpoint belongs to the run.
        owner = self._trained_folder()
        return new_folder(owner / str(self.subcommand)) if owner else self._new_folder()

    def _trained_folder(self) -> Path | None:
        checkpoint = self.config_init[self.subcommand].ckpt_path
        return folder_of(Path(checkpoint)) if checkpoint and self.subcommand != "fit" else None

    def _new_folder(self) -> Path:
        return new_folder(Path(self.settings.root) / str(self.settings.experiment))

    def _loggers(self, verb: str) -> list[Logger]:
        loggers: list[Logger] = [MetricsFile(self.folder / "metrics.csv")]
        if verb != "predict" and (wandb := wandb_logger(self.settings, self.folder, verb)):
            loggers.append(wandb)
        return loggers

    def _user_callbacks(self) -> list[Callback]:
        return _listed(self.config_init[self.subcommand].trainer.callbacks)

    def _callbacks(self, verb: str, trainer: Any) -> list[Callback]:
        bar: list[Callback] = [] if trainer.enable_progress_bar is False else [ProgressBar()]
        if trainer.fast_dev_run:
            return bar
        # Before the record: a run that the data forbid to go on writes nothing.
        callbacks = [*bar, DataRecord(self.folder, self._trained_folder()), self.record]
        if verb == "predict":
            return [*callbacks, PredictionTable(self.folder / "predictions.csv")]
        if sources := list(self.datamodule.source_rows("val")):
            callbacks.append(SourceEvaluation(sources))
        drawings = self.folder / "figures" if self.settings.figures else None
        callbacks.append(GradientTelemetry(drawings and drawings / "gradients.png"))
        if drawings:
            callbacks.append(Figures(drawings))
        if verb == "fit":
            callbacks += [self.cost, self.lost_process, StopSignal()]
        if verb == "fit" and trainer.enable_checkpointing is not False:
            checkpoints = self.folder / "checkpoints"
            last = LastCheckpoint(checkpoints, self.settings.keep_last)
            callbacks += [RandomState(), BestCheckpoint(checkpoints), last]
            if self.settings.artifacts:
                callbacks.append(CheckpointArtifacts(self.folder))
        return callbacks

    @rank_zero_only
    def _report(self, split: str) -> None:
        values = self.trainer.callback_metrics
        self._summarise()
        report(self.model, split, values, self.folder, sync_command(self.folder))
        finish(self.folder)

    def _summarise(self) -> None:
        if self.subcommand == "fit":
            values = self.trainer.callback_metrics
            write_summary(self.folder, self.model, values, self.cost.values())

    @rank_zero_only
    def _say_where(self, code: int = 0) -> None:
        if not self.config_init[self.subcommand].trainer.fast_dev_run:
            if not self.trainer.interrupted:
                self._summarise()
            say_where(self.folder, sync_command(self.folder))
            finish(self.folder, code)


def _listed(given: Any) -> list[Any]:
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]
