"""The entry point: `dlbench` and `python -m dlbench`."""

import sys

from .harness.cli.entry import run_cli


def main() -> int:
    """Run the command line and return the exit status."""
    return run_cli(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
