"""`dlbench data`: the downloaded data sets listed, fetched and verified."""

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Column, Table

from ...results.errors import BrokenError
from ...workloads import downloads
from ...workloads.catalog import WORKLOADS
from ...workloads.downloads import Download
from .. import options as parse
from ..experiments.datasets import ABSENT, DAMAGED, VERIFIED, check, known_size, look, obtain
from ..experiments.fetch import fetch
from ..progress import JsonLines, PlainLines, Silence

FORMATS = ("table", "json")


def list_command(output_format: str) -> None:
    """Print the data sets to stdout.

    Raises:
        UsageError: the format is unknown.

    """
    parse.choose("format", (output_format,), FORMATS)
    if output_format == "json":
        sys.stdout.write(json.dumps({"data_sets": [_record(item) for item in downloads.DOWNLOADS]}, indent=1) + "\n")
        return
    console = Console(file=sys.stdout, highlight=False, markup=False)
    console.print(data_sets_table())
    console.print()
    for item in downloads.DOWNLOADS:
        console.print(f"{item.name} comes from {item.address}", soft_wrap=True)
    console.print(f"kept in {downloads.folder()} (Keras' own folder; KERAS_HOME chooses another)", soft_wrap=True)


def data_sets_table() -> Table:
    """Return each data set with its size, its state here, its workloads and its licence."""
    size = Column("size", justify="right")
    table = Table("data set", size, "state", "used by", "licence; to cite", box=None, pad_edge=False)
    for item in downloads.DOWNLOADS:
        table.add_row(item.name, known_size(item), look(item), _users(item), item.licence)
    return table


def fetch_command(names: Sequence[str], progress: str) -> int:
    """Download what is not here or damaged; the status is 4 where one could not be had."""
    chosen = _chosen(names)
    live = progress == "live" or (progress == "auto" and sys.stderr.isatty())
    observer = {"jsonl": JsonLines, "off": Silence}.get(progress, PlainLines)()
    status = 0
    for download in chosen:
        try:
            if check(download) == VERIFIED:
                observer.note(f"{download.name}: here and verified, in {downloads.path_of(download)}")
            elif live:
                _fetch_with_bar(download)
                observer.note(f"{download.name}: verified, kept in {downloads.path_of(download)}")
            else:
                obtain(download, observer)
        except BrokenError as error:
            sys.stderr.write(f"dlbench: {error}\n")
            status = BrokenError.exit_code
    return status


def verify_command(names: Sequence[str]) -> int:
    """Print what the hash of each file says; the status is 4 where one is damaged or missing."""
    console = Console(file=sys.stdout, highlight=False, markup=False, soft_wrap=True)
    status = 0
    for download in _chosen(names):
        state = check(download)
        console.print(f"{download.name}: {_finding(download, state)}")
        if state != VERIFIED:
            status = BrokenError.exit_code
    return status


def _chosen(names: Sequence[str]) -> list[Download]:
    return [downloads.get(name) for name in dict.fromkeys(parse.split(names) or downloads.names())]


def _finding(download: Download, state: str) -> str:
    path = downloads.path_of(download)
    if state == DAMAGED and path is not None:
        return downloads.damaged(download, path)
    if state == ABSENT:
        return f"not in {downloads.folder()}; fetch it with: dlbench data fetch {download.name}"
    return f"{state}, {path}"


def _fetch_with_bar(download: Download) -> None:
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        task = progress.add_task(f"downloading {download.name}", total=download.size_bytes)
        fetch(download, lambda came, total: progress.update(task, completed=came, total=total))
    check(download)


def _users(download: Download) -> str:
    return ", ".join(workload.spec.name for workload in WORKLOADS if workload.spec.download == download.name)


def _record(download: Download) -> dict[str, Any]:
    path = downloads.path_of(download)
    return {
        "name": download.name,
        "state": look(download),
        "size_bytes": download.size_bytes,
        "workloads": _users(download).split(", "),
        "file": str(path) if path else None,
        "address": download.address,
        "sha256": download.sha256,
        "licence": download.licence,
    }
