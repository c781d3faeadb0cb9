"""The entry point: `dlbench` and `python -m dlbench`."""

import os
import sys

INTERNAL_FAULT = 70
"""As in `harness/cli/entry.py`, which may be what cannot be imported. 1, Python's own, would be a regression."""
INTERRUPTED = 130


def main() -> int:
    """Run the command line and return the exit status."""
    try:
        from .harness.cli.entry import run_cli
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - a package that is broken may raise anything while it is imported
        return _cannot_start(error)
    return run_cli(sys.argv[1:])


def _cannot_start(error: Exception) -> int:
    """Say what could not be imported and how to mend it; with --debug or DLBENCH_DEBUG where, too."""
    import traceback
    from importlib.metadata import packages_distributions

    if "--debug" in sys.argv or os.environ.get("DLBENCH_DEBUG"):
        traceback.print_exc()
    package = _package(error)
    installed = packages_distributions().get(package)
    if package in sys.stdlib_module_names:
        remedy = f"this Python ({sys.executable}) lacks a part of its own; run dlbench with another"
    elif installed and package != "dlbench":
        remedy = f"to mend it: {sys.executable} -m pip install --force-reinstall {installed[0]}"
    else:
        remedy = f"install dlbench anew for {sys.executable}, with all that it needs, as its README tells"
    sys.stderr.write(
        f"dlbench: cannot start: {package} cannot be imported ({type(error).__name__}: {error}); {remedy} "
        "(DLBENCH_DEBUG=1 shows where)\n"
    )
    return INTERNAL_FAULT


def _package(error: Exception) -> str:
    """Return the package that cannot be imported: the one that is named, else the one in whose code it broke."""
    if isinstance(error, ImportError) and error.name:
        return error.name.partition(".")[0]
    if isinstance(error, SyntaxError) and error.filename and "site-packages" in error.filename:
        path = error.filename.rpartition(f"site-packages{os.sep}")[2]
        return path.partition(os.sep)[0].removesuffix(".py")
    found, at = "dlbench", error.__traceback__
    while at is not None:
        name = str(at.tb_frame.f_globals.get("__name__") or "").partition(".")[0]
        found = found if name in {"", "__main__", *sys.stdlib_module_names} else name
        at = at.tb_next
    return found


if __name__ == "__main__":
    sys.exit(main())
