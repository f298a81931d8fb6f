"""The command line's result: settings parsed, data and model created."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.core.mixins.hparams_mixin import _given_hyperparameters_context

from multitask.checkpoints.source import weights_are_in
from multitask.cli.check import check_arguments
from multitask.cli.help import VERBS
from multitask.cli.parser import Parser, parse
from multitask.configuration.creation import Creation
from multitask.configuration.trust import tensors_only
from multitask.configuration.written_arguments import values_of
from multitask.configuration.yaml_text import Loader
from multitask.data import DataModule
from multitask.module import MultiTask
from multitask.runs.folder import folder_of
from multitask.runs.log_file import quiet_screen
from multitask.runs.settings import RunSettings
from multitask.training.memory_limit import MemoryLimit


class CommandLine(LightningCLI):
    """Parse the settings of a verb such as ``fit``, and create the data and the model.

    Nothing is trained, and nothing is written.

    Args:
        arguments: what `multitask.cli.arguments.prepare` returned.
        downloads: whether weights of a pretrained encoder may be downloaded.

    Raises:
        InputError: if a setting is invalid.
    """

    model: MultiTask
    datamodule: DataModule

    def __init__(self, arguments: list[str], downloads: bool = True) -> None:
        quiet_screen()
        self.downloads, self._creation = downloads, Creation()
        self.configuration = check_arguments(arguments)
        self.verb = self.configuration.arguments[0]
        with self.configuration.located_errors(), self.configuration.imports():
            super().__init__(
                MultiTask,
                DataModule,
                subclass_mode_data=True,
                parser_class=Parser,
                save_config_callback=None,
                seed_everything_default=0,
                auto_configure_optimizers=False,
                load_from_checkpoint_support=False,
                # A parser of all verbs would parse and check each setting twice.
                run=False,
                parser_kwargs={
                    "prog": f"multitask {self.verb}",
                    "description": VERBS[self.verb][1],
                },
                args=arguments,
            )

    @contextmanager
    def loading(self) -> Iterator[None]:
        """Add a setting's location to its error, and load only what the user trusts."""
        loads = nullcontext() if self.configuration.is_trusted else tensors_only()
        with self.configuration.located_errors(), loads:
            yield

    @property
    def given(self) -> Any:
        """The settings as a namespace, with objects in place of their descriptions."""
        return self.config_init

    @property
    def callbacks(self) -> list[Callback]:
        """The user's callbacks."""
        return listed(self.given.trainer.callbacks)

    @property
    def trained_folder(self) -> Path | None:
        """Folder of the run whose checkpoint is validated, tested or used to predict, if any."""
        checkpoint = self.given.ckpt_path
        return folder_of(Path(checkpoint)) if checkpoint and self.verb != "fit" else None

    @cached_property
    def text(self) -> str:
        """The whole configuration, as YAML."""
        # It was checked when it was parsed.
        return self.parser.dump(self.config, skip_unset=False, skip_validation=True)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        return yaml.load(self.text, Loader)

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Add the ``run`` group, and what the Trainer's verb takes."""
        parser.add_class_arguments(RunSettings, "run")
        parser.add_method_arguments(Trainer, self.verb, skip=self.subcommands()[self.verb])

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse the checked arguments, and add the settings that follow from them."""
        self.config = parse(parser, self.configuration)
        if self.config.run.experiment is None:
            files = values_of(self.configuration.arguments, "config", "c")
            self.config.run.experiment = Path(files[0]).stem if files else "default"

    def _parse_ckpt_path(self) -> None:
        """Do nothing: the contents of a checkpoint must not override the user's settings."""

    def instantiate_classes(self) -> None:
        """Create the data and the model, but no Trainer."""
        make = self._creation.make
        instantiators = [(self._make_model, MultiTask, False), (make, object, True)]
        weights = weights_are_in(self.config.ckpt_path, self.downloads)
        with MemoryLimit(), weights, self._creation.refusals():
            self.config_init = self.parser.instantiate(self.config, instantiators=instantiators)
        self.datamodule, self.model = self.given.data, self.given.model
        # As written, for transforms that do not record how they were created.
        settings = self._settings["data"].get("init_args") or {}
        self.datamodule.recipe_of_transforms = settings.get("transforms") or []

    def _make_model(self, kind: type[MultiTask], *args: Any, **kwargs: Any) -> MultiTask:
        # So that the model's checkpoints record how to build it again.
        builder = "lightning.pytorch.cli.instantiate_module"
        with _given_hyperparameters_context(hparams=self._settings["model"], instantiator=builder):
            return self._creation.make(kind, *args, **kwargs)


def listed(given: Any) -> list[Any]:
    """A list of objects, where the Trainer accepts a list, one object or none."""
    if given is None:
        return []
    return list(given) if isinstance(given, list | tuple) else [given]
