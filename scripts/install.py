"""Install the project into this python's environment, unless its pins are installed already.

The stamp in the environment says what was installed last: a hash of the pins and of the
checkout's path. It is written after the installation, so one that broke off does not count.
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
    """Hash what the installation depends on: where the checkout lies and what it asks for."""
    contents = [hashlib.sha256(pin.read_bytes()).hexdigest() for pin in PINS]
    return hashlib.sha256("\n".join([str(ROOT), *contents]).encode()).hexdigest()


def install() -> None:
    """Install the project, editable and with its dev extra, at the pinned versions."""
    print(f"Installing the project into {sys.prefix}", flush=True)
    if importlib.util.find_spec("pip") is None:
        subprocess.run([sys.executable, "-m", "ensurepip"], check=True)
    run_installer(["-c", "constraints.txt", "-e", ".[dev]"])
    # Tests do without them, so a failure ends nothing.
    run_installer(["--no-deps", "-r", ORACLES], check=False)


def run_installer(arguments: list[str], check: bool = True) -> None:
    """Install by uv, if it is there, which takes a tenth of the time; else, or if it fails, by pip.

    Args:
        arguments: as pip takes them.
        check: whether a failure of pip is an error.

    Raises:
        subprocess.CalledProcessError: if pip fails.
    """
    if (uv := shutil.which("uv")) is not None:
        command = [uv, "pip", "install", "--python", sys.executable, *arguments]
        if subprocess.run(command, cwd=ROOT, check=False).returncode == 0:
            return
        # It does not read the settings of pip, such as where to look for packages.
        print("uv could not install it; trying pip", flush=True)
    pip = [sys.executable, "-m", "pip", "install", *arguments]
    subprocess.run(pip, cwd=ROOT, check=check)


def main() -> None:
    """Install, unless the stamp says that this very thing is installed."""
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
