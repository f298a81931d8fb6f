"""``python -m multitask``."""

from multitask.cli.main import main

if __name__ == "__main__":
    main()
