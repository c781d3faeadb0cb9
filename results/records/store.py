"""The store: a folder with one append-only JSON Lines file per run.

A file is a header line, a line per record as it arrives, and an end line. Each line is on the disk before the next
job starts; a torn last line loses a trial, never a run. A file that has its end line is never written again.
"""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import BrokenError, NothingMeasured, UsageError
from .codec import dump_line, from_json
from .model import SCHEMA, End, Failure, Header, JobRecord, Run, Trial

DEFAULT_STORE = ".dlbench"
SUFFIX = ".jsonl"
TAGS: dict[type, str] = {Trial: "trial", Failure: "failure", JobRecord: "job"}


def store_path(given: str | None) -> Path:
    """Return the store's folder: the one given, else $DLBENCH_STORE, else `.dlbench` here."""
    return Path(given or os.environ.get("DLBENCH_STORE") or DEFAULT_STORE)


def new_run_id(now: datetime) -> str:
    """Return an id that sorts by time: date, time and four random hex digits."""
    return f"{now.astimezone(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


class RunWriter:
    """An open run: appends records, each durable when `append` returns. A context manager."""

    def __init__(self, folder: Path, header: Header) -> None:
        self.path = folder / "runs" / f"{header.run}{SUFFIX}"
        self.logs = folder / "logs" / header.run
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.logs.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("x", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"cannot write to the store {str(folder)!r}: {error.strerror or error}; "
                "choose another folder with --store or DLBENCH_STORE"
            ) from error
        self._write(dump_line("header", header))

    def append(self, record: Trial | Failure | JobRecord) -> None:
        """Add one record and wait until it is on the disk."""
        self._write(dump_line(TAGS[type(record)], record))

    def end(self, end: End) -> None:
        """Add the end line; nothing may follow."""
        self._write(dump_line("end", end))

    def _write(self, line: str) -> None:
        try:
            self._file.write(line)
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise BrokenError(f"cannot write {self.path}: {error.strerror or error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def read_run(path: Path) -> Run:
    """Read one run's file.

    A torn or broken line is left out and named in `Run.problems`.

    Raises:
        BrokenError: the file cannot be read, has no header, or is of a later schema than this dlbench knows.

    """
    header: Header | None = None
    end: End | None = None
    records: dict[type, list[Any]] = {Trial: [], Failure: [], JobRecord: []}
    kinds = {tag: kind for kind, tag in TAGS.items()}
    problems: list[str] = []
    for number, line in _lines(path):
        if header is None:
            header = _header(path, line)
            continue
        try:
            tag, data = _tagged(line)
            if tag == "end":
                end = from_json(End, data)
            elif tag in kinds:
                records[kinds[tag]].append(from_json(kinds[tag], data))
        except (ValueError, BrokenError) as error:
            what = "is torn; the run was cut short there" if not line.endswith("\n") else f"is broken: {error}"
            problems.append(f"{path.name}: line {number} {what}")
    if header is None:
        raise BrokenError(f"{path} is empty; it is not a dlbench run")
    trials, failures, jobs = (tuple(records[kind]) for kind in (Trial, Failure, JobRecord))
    return Run(header, trials, failures, jobs, end, path, tuple(problems))


def read_header(path: Path) -> Header:
    """Read only the first line of a run's file.

    Raises:
        BrokenError: the file cannot be read or does not begin with a header.

    """
    for _, line in _lines(path):
        return _header(path, line)
    raise BrokenError(f"{path} is empty; it is not a dlbench run")


def read_jobs(path: Path) -> tuple[Header, tuple[JobRecord, ...]]:
    """Read a run's header and what its jobs cost, without its trials; a broken line is left out.

    Raises:
        BrokenError: the file cannot be read or does not begin with a header.

    """
    jobs = []
    for _, line in _lines(path):
        if line.startswith('{"type":"job"'):
            with suppress(ValueError, BrokenError):
                jobs.append(from_json(JobRecord, _tagged(line)[1]))
    return read_header(path), tuple(jobs)


def run_paths(folder: Path) -> list[Path]:
    """Return the files of a store's runs, oldest first."""
    return sorted((folder / "runs").glob(f"*{SUFFIX}"))


@dataclass(frozen=True, slots=True)
class Found:
    """The file that a reference names."""

    path: Path
    passed: tuple[str, ...] = ()
    """What is wrong with damaged files that were passed over on the way to it: one of them may have been meant."""


def read_named(folder: Path, reference: str) -> Run:
    """Read the run that a RUN reference names; `Run.problems` names damaged files that were passed over too.

    Raises:
        NothingMeasured: the store has no runs, or not as many as `latest~N` asks for.
        UsageError: the reference fits no run, or more than one.
        BrokenError: the file cannot be read, or only files that cannot be read may be meant.

    """
    found = find_run(folder, reference)
    run = read_run(found.path)
    return replace(run, problems=(*found.passed, *run.problems))


def find_run(folder: Path, reference: str) -> Found:
    """Return the file that a RUN reference names: `latest`, `latest~1`, an id or its prefix, a label, or a path.

    Of `latest` and of a label the newest files are looked at first, until one is found; those whose header is damaged
    are passed over, and named. An older damaged file is not looked at, for it cannot be meant.

    Raises:
        NothingMeasured: the store has no runs, or not as many as `latest~N` asks for.
        UsageError: the reference fits no run, or more than one.
        BrokenError: it fits none, and there are damaged files of which one may be meant.

    """
    if Path(reference).is_file():
        return Found(Path(reference))
    paths = run_paths(folder)
    if not paths:
        raise NothingMeasured(f"no runs in the store {str(folder)!r}; make one with `dlbench run`")
    if reference == "latest" or reference.startswith("latest~"):
        return _latest(paths, reference)
    hits = [path for path in paths if path.stem.startswith(reference)]
    if len(hits) == 1:
        return Found(hits[0])
    if hits:
        raise UsageError(f"run {reference!r} is not unique: {', '.join(path.stem for path in hits)}")
    passed: list[str] = []
    for path, header in _newest(paths, passed):
        if header.label == reference:
            return Found(path, tuple(passed))
    known = ", ".join(path.stem for path in paths[-5:])
    words = f"no run {reference!r} in the store {str(folder)!r}; the last ones: {known}"
    if passed:
        raise BrokenError(f"{words}; it may be one that cannot be read: {'; '.join(passed)}")
    raise UsageError(words)


def labelled_runs(folder: Path) -> tuple[dict[str, list[Path]], tuple[str, ...]]:
    """Return the files of the runs that have a label, by it, oldest first; and what is wrong with damaged ones.

    A damaged file has no label that can be read: it is left out.
    """
    passed: list[str] = []
    found: dict[str, list[Path]] = {}
    for path, header in _newest(run_paths(folder), passed):
        if header.label is not None:
            found.setdefault(header.label, []).insert(0, path)
    return dict(sorted(found.items(), key=lambda item: item[1][0])), tuple(reversed(passed))


def _latest(paths: list[Path], reference: str) -> Found:
    back = reference.removeprefix("latest").removeprefix("~") or "0"
    if not back.isdecimal():
        raise UsageError(f"{reference!r} is not a run: write latest~1 for the one before the latest")
    passed: list[str] = []
    readable = 0
    for path, _ in _newest(paths, passed):
        if readable == int(back):
            return Found(path, tuple(passed))
        readable += 1
    if passed:
        words = f"{reference!r}: the store has only {readable} runs that can be read"
        raise BrokenError(f"{words}; damaged: {'; '.join(passed)}")
    raise NothingMeasured(f"{reference!r}: the store has only {readable} runs")


def _newest(paths: list[Path], passed: list[str]) -> Iterator[tuple[Path, Header]]:
    """Yield files with their headers, the newest first; what is wrong with damaged ones is added to `passed`."""
    for path in reversed(paths):
        try:
            header = read_header(path)
        except BrokenError as error:
            passed.append(str(error))
            continue
        yield path, header


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            yield from enumerate(file, start=1)
    except OSError as error:
        raise BrokenError(f"cannot read {path}: {error.strerror or error}") from error


def _tagged(line: str) -> tuple[str, dict[str, Any]]:
    data = json.loads(line)
    tag = data.get("type") if isinstance(data, dict) else None
    if not isinstance(tag, str):
        raise ValueError("it is no record")
    return tag, data


def _header(path: Path, line: str) -> Header:
    try:
        tag, data = _tagged(line)
        if tag != "header":
            raise ValueError(f"it is a {tag}")
    except ValueError as error:
        raise BrokenError(f"{path}: line 1 is not the header of a dlbench run: {error}") from error
    schema = data.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise BrokenError(f"{path} has schema {schema}; this dlbench reads up to {SCHEMA}: upgrade dlbench")
    try:
        return from_json(Header, data)
    except BrokenError as error:
        raise BrokenError(f"{path}: line 1: {error}") from error
