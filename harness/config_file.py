"""`dlbench.toml`: read here, checked by those whose tables they are."""

import tomllib
from pathlib import Path
from typing import Any

from ..results.errors import UsageError, unknown

CONFIG = "dlbench.toml"
TABLES = ("env", "gate", "suites")


def read_config(config: Path = Path(CONFIG)) -> dict[str, dict[str, Any]]:
    """Return the tables of a configuration file by name; none where there is no file.

    Raises:
        UsageError: the file cannot be read, or has a table that dlbench does not know.

    """
    if not config.exists():
        return {}
    try:
        data = tomllib.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{config}: {error}") from error
    for key, table in data.items():
        if key not in TABLES:
            raise unknown(f"table in {config}", key, TABLES)
        if not isinstance(table, dict):
            raise UsageError(f"{config}: {key} must be a table, such as [{key}.mine]")
    return data
