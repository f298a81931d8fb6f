"""Creation of the objects that a configuration describes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from lightning.pytorch.loggers import Logger

from multitask.errors import InputError, settings_blamed

Made = TypeVar("Made")


class Creation:
    """Creates the objects for the parser, and keeps the last refusal.

    If there are several possible types, such as one callback or a list of them, the parser tries
    one after the other and replaces the error of a class by its own.
    """

    def __init__(self) -> None:
        self._refusal: InputError | None = None

    def make(self, kind: type[Made], *args: Any, **kwargs: Any) -> Made:
        """Create an object.

        Raises:
            InputError: if its class rejects a value or lacks a package.
        """
        # An unreachable tracking server is not an error in the logger's code.
        is_logger = issubclass(kind, Logger)
        what = f"{kind.__name__} cannot be created as configured"
        try:
            with settings_blamed(what, also_own_code=is_logger):
                return kind(*args, **kwargs)
        except InputError as error:
            self._refusal = error
            raise

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """Raise the refusal of a class in place of the parser's error that quotes it."""
        try:
            yield
        except InputError:
            raise
        except ValueError as error:
            if self._refusal is None or str(self._refusal) not in str(error):
                raise
            raise self._refusal from error
