"""A process that waits for one that never comes."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cli.forked_program import set_environment, write_output_to

from multitask.processes import meeting


def wait_alone(environment: Mapping[str, str], said: Path) -> None:
    """Wait, and give up.

    Args:
        environment: environment variables; those that are forked may be another test's.
        said: a file for what the process prints.
    """
    set_environment(environment)
    write_output_to(str(said))
    meeting.PATIENCE, meeting.LIMIT = 0.1, 0.3
    strategy = SimpleNamespace(
        cluster_environment=SimpleNamespace(main_address="127.0.0.1", main_port=1),
        setup_environment=signal.pause,
        launcher=None,
    )
    trainer: Any = SimpleNamespace(world_size=2, global_rank=0, num_nodes=2, strategy=strategy)
    meeting.limit_meeting(trainer, lambda text: print(text, flush=True))
    trainer.strategy.setup_environment()
