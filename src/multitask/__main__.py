"""``python -m multitask``."""

from multitask.cli.program import program

if __name__ == "__main__":
    program()
