"""Install the project into this Python's environment, unless its pins are already installed.

The stamp in the environment identifies the last installation: a hash of the pins and of the
checkout's path. It is written after the installation, so an interrupted one does not count.
"""

import hashlib
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ORACLES = "tests/oracles.txt"
PINS = (ROOT / "pyproject.toml", ROOT / "constraints.txt", ROOT / ORACLES)
STAMP = Path(sys.prefix, "multitask-installed")


def fingerprint() -> str:
    """Hash what the installation depends on: the checkout's path and its requirements."""
    contents = [hashlib.sha256(pin.read_bytes()).hexdigest() for pin in PINS]
    return hashlib.sha256("\n".join([str(ROOT), *contents]).encode()).hexdigest()


def install() -> None:
    """Install the project, editable and with its dev extra, at the pinned versions."""
    print(f"Installing the project into {sys.prefix}", flush=True)
    if importlib.util.find_spec("pip") is None:
        subprocess.run([sys.executable, "-m", "ensurepip"], check=True)
    run_installer(["-c", "constraints.txt", "-e", ".[dev]"])
    # Tests do not need them, so a failure is not fatal.
    run_installer(["--no-deps", "-r", ORACLES], check=False)


def run_installer(arguments: list[str], check: bool = True) -> None:
    """Install with uv if available, in a tenth of the time; else, or if it fails, with pip.

    Args:
        arguments: arguments of pip.
        check: whether a failure of pip is an error.

    Raises:
        subprocess.CalledProcessError: if pip fails.
    """
    if (uv := shutil.which("uv")) is not None:
        command = [uv, "pip", "install", "--python", sys.executable, *arguments]
        if subprocess.run(command, cwd=ROOT, check=False).returncode == 0:
            return
        # uv does not read the settings of pip, such as the package index.
        print("uv could not install it; trying pip", flush=True)
    pip = [sys.executable, "-m", "pip", "install", *arguments]
    subprocess.run(pip, cwd=ROOT, check=check)


def main() -> None:
    """Install, unless the stamp shows that this version is already installed."""
    if sys.version_info < (3, 11):  # noqa: UP036 (the active environment may be an old one)
        sys.exit(f"{sys.executable} is older than 3.11: activate an environment that is not")
    wanted = fingerprint()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    STAMP.unlink(missing_ok=True)
    try:
        install()
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
    STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
