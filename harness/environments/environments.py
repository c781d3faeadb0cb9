"""Environments by name: those of `dlbench.toml`, those that dlbench made, and the controller's own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...results.errors import UsageError, unknown
from ...results.records.environment import CURRENT
from ..config_file import CONFIG, read_config
from ..options import ENVIRONMENT, RESERVED_ENVIRONMENTS
from .interpreters import Interpreter, own_interpreter
from .made import MadeEnvironment, read_made


@dataclass(frozen=True, slots=True)
class KnownEnvironment:
    """An environment that a name stands for."""

    interpreter: Interpreter
    origin: str
    """Who named it, in words."""
    made: MadeEnvironment | None = None
    """Of one that dlbench made."""


def known_environments(config: Path = Path(CONFIG)) -> dict[str, KnownEnvironment]:
    """Return every environment with a name, by name; the configuration file's before one that dlbench made.

    Raises:
        UsageError: the configuration file has something that dlbench does not know.

    """
    found = {
        name: KnownEnvironment(Interpreter(name, made.python, made.mend), "made by dlbench", made)
        for name, made in read_made().items()
    }
    for name, table in read_config(config).get("env", {}).items():
        found[name] = KnownEnvironment(Interpreter(name, _python_of(name, table, config)), str(config))
    return dict(sorted(found.items()))


def names() -> list[str]:
    """Return the names that `--env` takes; the controller's own first."""
    return [CURRENT, *known_environments()]


def choose_interpreters(wanted: Mapping[str, str | None]) -> tuple[Interpreter, ...]:
    """Return the interpreters of environments given by path or by name; the controller's own for none.

    Raises:
        UsageError: a name stands for no environment.

    """
    if not wanted:
        return (own_interpreter(),)
    known = known_environments() if any(path is None for path in wanted.values()) else {}
    return tuple(
        own_interpreter() if name == CURRENT else Interpreter(name, absolute(path)) if path else find(name, known)
        for name, path in wanted.items()
    )


def find(name: str, known: Mapping[str, KnownEnvironment]) -> Interpreter:
    """Return the interpreter of a name.

    Raises:
        UsageError: there is none; the message says how to name or make one.

    """
    if name in known:
        return known[name].interpreter
    wrong = unknown("environment", name, [CURRENT, *known])
    raise UsageError(
        f"{wrong}; name one with --env {name}=/path/to/python, or make one with `dlbench env create {name}`"
    )


def absolute(path: str, folder: Path | None = None) -> str:
    """Return the absolute path of an interpreter; a folder stands for the interpreter of the environment in it.

    Links are kept: the interpreter of a virtual environment is one, and finds its packages by where the link lies.
    """
    full = (folder or Path.cwd()) / Path(path).expanduser()
    return os.path.normpath(full / "bin" / "python" if full.is_dir() else full)


def _python_of(name: str, table: object, config: Path) -> str:
    where = f"{config}: [env.{name}]"
    if not ENVIRONMENT.fullmatch(name) or name in RESERVED_ENVIRONMENTS:
        raise UsageError(f"{where}: {name!r} cannot be a name; use letters, digits, '.', '_' and '-'")
    if not isinstance(table, dict):
        raise UsageError(f'{where} must be a table, such as [env.{name}] with python = "/path/to/python"')
    for key in table:
        if key != "python":
            raise unknown(f"key of [env.{name}] in {config}", key, ["python"])
    python = table.get("python")
    if not isinstance(python, str) or not python:
        raise UsageError(f'{where} needs python = "/path/to/python"; received {python!r}')
    return absolute(python, config.resolve().parent)
