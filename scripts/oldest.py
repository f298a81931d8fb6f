"""Write oldest.txt: the oldest versions that pyproject.toml allows, and compatible others.

It needs uv, which can resolve the oldest versions; install it with `pip install uv`.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HEADER = """\
# The oldest versions that pyproject.toml allows of what it names, and what fits beside them.
# Renew it with `python scripts/oldest.py` after changing pyproject.toml; `make oldest` tries it.
"""
OLDEST = ("pip", "compile", "--quiet", "--no-header", "--no-annotate", "--extra", "dev")


def main() -> None:
    """Write the file."""
    command = ["uv", *OLDEST, "--resolution", "lowest-direct", "pyproject.toml"]
    try:
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except FileNotFoundError:
        sys.exit("uv is not installed; try: pip install uv")
    except subprocess.CalledProcessError as error:
        sys.exit(f"uv found no versions that fit together:\n{error.stderr}")
    lines = (line.partition("+")[0] for line in found.stdout.splitlines())
    pins = sorted(line for line in lines if "==" in line)
    (ROOT / "oldest.txt").write_text(HEADER + "".join(f"{pin}\n" for pin in pins))


if __name__ == "__main__":
    main()
