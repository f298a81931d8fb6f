"""Two hosts, each with a network of its own, learn what one process learns."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from distributed.forked_processes import run_torchrun

from multitask.cli.main import main

CONFIGS = Path(__file__).parents[2] / "configs"
PROGRAM = Path(__file__).with_name("several_trainings.py")
PORT = 29511
OF_NETWORK = 0x40000000
"""Linux's name of this kind of namespace is CLONE_NEWNET."""
ARGUMENTS = (
    "fit",
    f"--config={CONFIGS / 'experiment/digits.yaml'}",
    f"--config={CONFIGS / 'trainer/multinode.yaml'}",
    "--trainer.accelerator=cpu",
    "--trainer.precision=64-true",
    "--trainer.max_epochs=1",
    "--trainer.limit_train_batches=5",
    "--trainer.limit_val_batches=2",
    "--trainer.num_sanity_val_steps=0",
    "--trainer.enable_progress_bar=false",
    # In each batch one of the hosts has no label of `digit`.
    "--data.labelled_per_batch=1",
    "--run.wandb=off",
    "--run.figures=false",
    "--run.test_after_fit=false",
)


@dataclass
class Host:
    """A network namespace, with one end of a cable."""

    name: str
    device: str
    address: str

    def enter(self) -> None:
        """Make this process one of this host."""
        library = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{self.name}") as namespace:
            if library.setns(namespace.fileno(), OF_NETWORK):
                raise OSError(ctypes.get_errno(), f"cannot enter {self.name}")
        os.environ |= {"GLOO_SOCKET_IFNAME": self.device, "NCCL_SOCKET_IFNAME": self.device}


def ip(command: str) -> None:
    subprocess.run(["ip", *command.split()], check=True, capture_output=True, text=True)


@contextmanager
def two_hosts() -> Iterator[list[Host]]:
    """Two namespaces and a cable between them, gone again whatever happens."""
    own = os.getpid()
    hosts = [Host(f"host{i}-{own}", f"v{i}-{own}", f"10.253.7.{i}") for i in (1, 2)]
    first, second = hosts
    try:
        for host in hosts:
            ip(f"netns add {host.name}")
        ip(
            f"link add {first.device} netns {first.name} type veth "
            f"peer name {second.device} netns {second.name}"
        )
        for host in hosts:
            ip(f"-n {host.name} addr add {host.address}/24 dev {host.device}")
            ip(f"-n {host.name} link set {host.device} up")
            ip(f"-n {host.name} link set lo up")
        yield hosts
    finally:
        for host in hosts:
            # The cable goes with its end.
            subprocess.run(["ip", "netns", "del", host.name], check=False, capture_output=True)


def why_not() -> str | None:
    """Why this machine cannot have two hosts, None where it can."""
    if shutil.which("ip") is None:
        return "needs the program ip (Debian, Ubuntu: iproute2)"
    try:
        with two_hosts():
            return None
    except subprocess.CalledProcessError as error:
        return f"this machine allows no network namespaces: {error.stderr.strip()}"


def saved(root: Path) -> dict[str, torch.Tensor]:
    (run,) = root.glob("*/*")
    return torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]


@pytest.mark.slow
def test_two_hosts_learn_what_one_process_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with two_hosts() as hosts:
        rendezvous = f"--rdzv-endpoint={hosts[0].address}:{PORT}"
        launch = ("--nnodes=2", "--rdzv-backend=c10d", rendezvous)
        file = tmp_path / "commands.json"
        file.write_text(json.dumps([[*ARGUMENTS, "--run.root=two"]]))
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("MULTITASK_", "WANDB_"))}
        said = run_torchrun(
            *(
                # Both hosts have the same name, so it does not say whose the address is.
                (*launch, f"--local-addr={host.address}", f"--rdzv-conf=is_host={is_first}")
                for host, is_first in zip(hosts, (1, 0), strict=True)
            ),
            script=PROGRAM,
            argument=file,
            folder=tmp_path,
            environment=kept,
            enter=[host.enter for host in hosts],
            seconds=200,
        )
    # The first alone speaks, and writes the one folder.
    assert said.count("Run: two/digits/") == 1

    monkeypatch.chdir(tmp_path)
    main([*ARGUMENTS, "--run.root=one"])
    expected, found = saved(tmp_path / "one"), saved(tmp_path / "two")
    assert expected.keys() == found.keys()
    assert max(float((expected[name] - found[name]).abs().max()) for name in expected) < 1e-10


def test_hosts_are_gone_after_a_failure() -> None:
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    names: list[str] = []

    def fail() -> None:
        with two_hosts() as hosts:
            names.extend(host.name for host in hosts)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    left = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
    assert len(names) == 2
    assert not any(name in left.stdout for name in names)
