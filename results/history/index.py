"""The index: what the store's runs contribute to histories, in one SQLite file that makes reading many runs fast.

It is derived from the runs alone and may be deleted at any time. `refresh` reads the files that are new or changed (by
name, size and time of modification) and forgets those that are gone; it is one transaction, so that a reader sees all
of it or nothing.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from ..errors import BrokenError
from .contribution import Contribution, read_files, run_files
from .points import SeriesKey

VERSION = 3
"""Of the tables and of what is put into them (`contribution`). An index of another version is built anew."""

FILE = Path("index") / "history.sqlite"
"""Within the store."""

WAIT_S = 60.0
"""For another process that refreshes the same index."""

DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
"""What SQLite calls a file that is no index any more; a locked one is left alone."""

TABLES = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE, size INTEGER, modified INTEGER,
    run TEXT, label TEXT, started TEXT, schema INTEGER, problems TEXT
);
CREATE TABLE series (
    id INTEGER PRIMARY KEY, key TEXT UNIQUE, workload TEXT, backend TEXT, phase TEXT, case_id TEXT, machine TEXT
);
CREATE TABLE environments (id INTEGER PRIMARY KEY, facts TEXT UNIQUE);
CREATE TABLE cells (
    series INTEGER, file INTEGER, environment INTEGER, trials INTEGER, flagged INTEGER, failures INTEGER, failure TEXT,
    PRIMARY KEY (series, file)
) WITHOUT ROWID;
CREATE TABLE points (
    series INTEGER, metric TEXT, file INTEGER, value REAL, low REAL, high REAL, trials INTEGER,
    PRIMARY KEY (series, metric, file)
) WITHOUT ROWID;
CREATE INDEX cells_of_file ON cells (file);
CREATE INDEX series_of_case ON series (case_id, machine);
"""

ALIKE = """
SELECT other.id FROM series AS other
JOIN series AS this ON other.case_id = this.case_id AND other.machine = this.machine
WHERE this.id = ?
"""
"""The series of the same case on the same kind of machine."""


@dataclass(frozen=True, slots=True)
class Point:
    """One metric of one case in one run, as the index has it."""

    run: str
    label: str | None
    started: str
    schema: int
    value: float
    low: float
    high: float
    trials: int
    flagged: int
    failures: int
    environment: int
    """Number of its environment, for `Index.environment`."""


@dataclass(frozen=True, slots=True)
class Series:
    """Everything that is known about one case on one kind of machine."""

    id: int
    key: SeriesKey
    failed: tuple[str, ...]
    """Runs in which every trial of the case failed, oldest first."""
    points: Mapping[str, tuple[Point, ...]]
    """By metric, oldest first."""


class Index:
    """An open index. A context manager."""

    def __init__(self, store: Path) -> None:
        self._runs = store / "runs"
        self._path = store / FILE
        self._base = self._open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._base.close()

    def refresh(self, told: Callable[[int, int], None] | None = None) -> int:
        """Bring the index up to date with the runs; return how many files were read.

        told: called with the number of files read so far and of those to read.

        Raises:
            BrokenError: the index cannot be written.

        """
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                number = self._update(told)
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._trouble("write", error) from error
        return number

    def _update(self, told: Callable[[int, int], None] | None) -> int:
        here = {found[0]: found for found in run_files(self._runs)}
        known = {row[1]: (row[0], row[1:]) for row in self._base.execute("SELECT id, name, size, modified FROM files")}
        gone = [number for name, (number, found) in known.items() if here.get(name) != found]
        for number in gone:
            self._remove(number)
        new = [found for name, found in sorted(here.items()) if name not in known or known[name][1] != found]
        writer = _Writer(self._base)
        for done, contribution in enumerate(read_files(self._runs, new), start=1):
            writer.add(contribution)
            if told:
                told(done, len(new))
        return len(new)

    def _remove(self, number: int) -> None:
        of_file = "SELECT series FROM cells WHERE file = ?1"
        self._base.execute(f"DELETE FROM points WHERE file = ?1 AND series IN ({of_file})", (number,))  # noqa: S608
        self._base.execute("DELETE FROM cells WHERE file = ?", (number,))
        self._base.execute("DELETE FROM files WHERE id = ?", (number,))

    def problems(self) -> list[str]:
        """Return what is wrong with the runs' files, each with its name and its line."""
        rows = self._base.execute("SELECT problems FROM files WHERE problems <> '[]' ORDER BY name")
        return [problem for (text,) in rows for problem in json.loads(text)]

    def known(self, column: str) -> set[str]:
        """Return the values of `workload`, `backend`, `phase`, `case_id` or `machine` that some series has."""
        if column not in {"workload", "backend", "phase", "case_id", "machine"}:
            raise ValueError(f"no such column: {column}")
        return {value for (value,) in self._base.execute(f"SELECT DISTINCT {column} FROM series")}  # noqa: S608

    def labels(self) -> set[str]:
        """Return the labels of the runs."""
        return {value for (value,) in self._base.execute("SELECT DISTINCT label FROM files WHERE label IS NOT NULL")}

    def runs(self) -> int:
        """Return how many runs could be read."""
        return int(self._base.execute("SELECT count(*) FROM files WHERE run IS NOT NULL").fetchone()[0])

    def runs_elsewhere(self, machine: str) -> int:
        """Return how many runs have cases on other kinds of machines."""
        rows = "SELECT count(DISTINCT file) FROM cells JOIN series ON series.id = cells.series WHERE machine <> ?"
        return int(self._base.execute(rows, (machine,)).fetchone()[0])

    def environment(self, number: int) -> dict[str, str]:
        """Return what was known about the surroundings of a point."""
        row = self._base.execute("SELECT facts FROM environments WHERE id = ?", (number,)).fetchone()
        facts: dict[str, str] = json.loads(row[0])
        return facts

    def series(self, wanted: Mapping[str, Sequence[str]], metrics: Sequence[str] = ()) -> Iterator[Series]:
        """Yield the series that fit, by workload, backend, phase and case.

        wanted: allowed values by column (see `known`); an empty choice allows all. metrics: those to read, all if
        empty.
        """
        where, given = _where(wanted)
        order = "workload, backend, phase, case_id, machine, id"
        rows = self._base.execute(f"SELECT id, key FROM series {where} ORDER BY {order}", given).fetchall()  # noqa: S608
        for number, key in rows:
            points = self._points(number, metrics)
            if points or not self._measured_elsewhere(number):
                yield Series(number, SeriesKey(**json.loads(key)), self._failed(number), points)

    def _points(self, series: int, metrics: Sequence[str]) -> dict[str, tuple[Point, ...]]:
        rows = self._base.execute(
            """
            SELECT metric, run, label, started, schema, value, low, high, points.trials, flagged, failures, environment
            FROM points JOIN files ON files.id = points.file
            JOIN cells ON cells.series = points.series AND cells.file = points.file
            WHERE points.series = ? ORDER BY metric, started, run
            """,
            (series,),
        )
        found: dict[str, list[Point]] = {}
        for metric, *fields in rows:
            if not metrics or metric in metrics:
                found.setdefault(metric, []).append(Point(*fields))
        return {metric: tuple(points) for metric, points in found.items()}

    def _failed(self, series: int) -> tuple[str, ...]:
        """Return the runs in which a case gave nothing; a failure tells neither its device nor its data."""
        rows = self._base.execute(
            f"""
            SELECT run FROM cells JOIN files ON files.id = file
            WHERE trials = 0 AND series IN ({ALIKE}) ORDER BY started, run
            """,  # noqa: S608 - a constant
            (series,),
        )
        return tuple(run for (run,) in rows)

    def _measured_elsewhere(self, series: int) -> bool:
        """Tell whether a series of the same case on the same kind of machine has points."""
        row = self._base.execute(f"SELECT 1 FROM points WHERE series IN ({ALIKE}) LIMIT 1", (series,))  # noqa: S608
        return row.fetchone() is not None

    def _open(self) -> sqlite3.Connection:
        """Open the index: anew where it is damaged or of another version, in memory where it cannot be kept.

        Raises:
            BrokenError: it cannot be opened, for example since another process holds it for long.

        """
        if not self._runs.is_dir() or not self._writable():
            return _made(sqlite3.connect(":memory:", isolation_level=None))
        try:
            return self._opened()
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) not in DAMAGED:
                raise self._trouble("open", error) from error
        try:
            self._path.unlink(missing_ok=True)
            return self._opened()
        except (OSError, sqlite3.Error) as error:
            raise self._trouble("open", error) from error

    def _writable(self) -> bool:
        """Make the index's folder; tell whether the index can be kept there."""
        try:
            self._path.parent.mkdir(exist_ok=True)
        except OSError:
            return False
        return os.access(self._path if self._path.exists() else self._path.parent, os.W_OK)

    def _opened(self) -> sqlite3.Connection:
        base = sqlite3.connect(self._path, timeout=WAIT_S, isolation_level=None)
        try:
            return base if _version(base) == VERSION else _made(base)
        except sqlite3.Error:
            base.close()
            raise

    def _trouble(self, what: str, error: Exception) -> BrokenError:
        return BrokenError(f"cannot {what} the index {self._path}: {error}; it may be deleted at any time")


def _version(base: sqlite3.Connection) -> int:
    return int(base.execute("PRAGMA user_version").fetchone()[0])


def _made(base: sqlite3.Connection) -> sqlite3.Connection:
    """Make the tables anew in one transaction, unless another process did meanwhile."""
    base.execute("BEGIN IMMEDIATE")
    if _version(base) != VERSION:
        for table in ("files", "series", "environments", "cells", "points"):
            base.execute(f"DROP TABLE IF EXISTS {table}")
        for statement in filter(str.strip, TABLES.split(";")):
            base.execute(statement)
        base.execute(f"PRAGMA user_version = {VERSION}")
    base.execute("COMMIT")
    return base


class _Writer:
    """Puts contributions into the tables; remembers the numbers of series and environments."""

    def __init__(self, base: sqlite3.Connection) -> None:
        self._base = base
        self._series = dict(base.execute("SELECT key, id FROM series").fetchall())
        self._environments = dict(base.execute("SELECT facts, id FROM environments").fetchall())

    def add(self, new: Contribution) -> None:
        """Add what one file contributes."""
        row = (*new.found, new.run, new.label, new.started, new.schema, json.dumps(new.problems))
        file = self._insert("files (name, size, modified, run, label, started, schema, problems)", row)
        for key, columns, facts, cell, points in new.cells:
            series = self._series.get(key)
            if series is None:
                names = "series (key, workload, backend, phase, case_id, machine)"
                series = self._series[key] = self._insert(names, (key, *columns))
            environment = self._environments.get(facts)
            if environment is None:
                environment = self._environments[facts] = self._insert("environments (facts)", (facts,))
            self._base.execute(
                "INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?)", (series, file, environment, *cell)
            )
            rows = [(series, metric, file, *values) for metric, *values in points]
            self._base.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def _insert(self, names: str, row: tuple[Any, ...]) -> int:
        marks = ", ".join("?" * len(row))
        number = self._base.execute(f"INSERT INTO {names} VALUES ({marks})", row).lastrowid  # noqa: S608
        return int(number or 0)


def _where(wanted: Mapping[str, Sequence[str]]) -> tuple[str, list[str]]:
    chosen = {column: names for column, names in wanted.items() if names}
    parts = [f"{column} IN ({', '.join('?' * len(names))})" for column, names in chosen.items()]
    return (f"WHERE {' AND '.join(parts)}" if parts else ""), [name for names in chosen.values() for name in names]
