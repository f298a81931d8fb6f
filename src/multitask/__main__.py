"""``python -m multitask``."""

import sys
from pathlib import Path

if __name__ == "__main__":
    # Of a program that is named by its file, as Lightning names those that it starts, the folder
    # comes first among those that hold packages, and `tokenizers` would be ours.
    here = Path(__file__).resolve().parent
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != here]

    from multitask.cli.program import program

    program()
