"""``python -m multitask``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # If a program is started by its file, as Lightning starts processes, the file's folder comes
    # first in the search path for packages, and `tokenizers` would be ours.
    here = Path(__file__).resolve().parent
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != here]

    from multitask.cli.program import program

    program()
