"""Create a sweep at Weights & Biases, or run one of its agents.

    python scripts/sweep.py create configs/sweep/balancers.yaml
    python scripts/sweep.py agent ENTITY/PROJECT/ID [--count 5]

W&B's own programs do the work. This script adds what they do not print: the agent's command, and
the number of failed runs, which the agent's exit code does not show.
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import wandb

WANDB = [sys.executable, "-m", "wandb"]
FAILED = ("crashed", "failed", "killed")


def create(file: str) -> int:
    """Create the sweep that a file describes, and print the command of its agents.

    Args:
        file: the sweep's YAML file.

    Returns:
        The exit code.
    """
    if not Path(file).is_file():
        print(f"there is no sweep file {file}", file=sys.stderr)
        return 2
    done = subprocess.run([*WANDB, "sweep", file], stderr=subprocess.PIPE, text=True)
    print(done.stderr, end="", file=sys.stderr)
    if command := re.search(r"wandb agent (\S+)", done.stderr):
        print(f"Run an agent, or several at once, with: make agent ID={command[1]}")
    return done.returncode


def agent(sweep: str, *options: str) -> int:
    """Run an agent until the sweep ends, then print how many of the sweep's runs failed.

    Args:
        sweep: ``ENTITY/PROJECT/ID``, as `create` prints it.
        options: options of ``wandb agent``, such as ``--count``.

    Returns:
        The agent's exit code, or else 1 if runs failed.
    """
    # An agent starts its runs with the command python, which must be this one.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    # Ctrl-C reaches the agent too, which ends its run before it ends itself.
    signal.signal(signal.SIGINT, lambda *_: None)
    code = subprocess.call([*WANDB, "agent", sweep, *options], env={**os.environ, "PATH": path})
    return code or _failures(sweep)


def _failures(sweep: str) -> int:
    states = [run.state for run in wandb.Api().sweep(sweep).runs]
    failed = sum(state in FAILED for state in states)
    print(f"{failed} of the sweep's {len(states)} runs so far failed.")
    return int(failed > 0)


if __name__ == "__main__":
    verb, *arguments = sys.argv[1:]
    sys.exit(create(*arguments) if verb == "create" else agent(*arguments))
