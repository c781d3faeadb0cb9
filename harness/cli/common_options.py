"""Options that several commands share, with their choices and completions."""

from enum import StrEnum
from typing import Annotated

import typer


class Format(StrEnum):
    """How results are printed."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"


class RunFormat(StrEnum):
    """Forms of a single run; those after json are for CI systems and benchmark trackers."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    openmetrics = "openmetrics"
    bencher = "bencher"
    benchmark_bigger = "benchmark-bigger"
    benchmark_smaller = "benchmark-smaller"


class ProgressStyle(StrEnum):
    """How progress is shown on stderr."""

    auto = "auto"
    live = "live"
    plain = "plain"
    jsonl = "jsonl"
    off = "off"


class Listing(StrEnum):
    """What `dlbench list` can list."""

    workloads = "workloads"
    backends = "backends"
    devices = "devices"
    suites = "suites"
    runs = "runs"


def complete_workload(incomplete: str) -> list[str]:
    """Return the workloads that begin so."""
    from ...workloads.catalog import names
    from ...workloads.own.plugins import plugins

    return [name for name in (*names(), *(plugin.name for plugin in plugins())) if name.startswith(incomplete)]


def complete_backend(incomplete: str) -> list[str]:
    """Return the backends that begin so."""
    return [name for name in ("jax", "torch", "tensorflow") if name.startswith(incomplete)]


def complete_suite(incomplete: str) -> list[str]:
    """Return the suites that begin so."""
    from ..experiments.suites import load_suites

    return [name for name in load_suites() if name.startswith(incomplete)]


def complete_environment(incomplete: str) -> list[str]:
    """Return the environments that begin so."""
    from ..environments.environments import names

    return [name for name in names() if name.startswith(incomplete)]


BackendOption = Annotated[
    list[str] | None,
    typer.Option(
        "--backend",
        "-b",
        help="jax, torch, tensorflow. Default: all that work here.",
        autocompletion=complete_backend,
    ),
]
WorkloadOption = Annotated[
    list[str] | None,
    typer.Option("--workload", "-w", help="The same, as a comma list.", autocompletion=complete_workload),
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=V[,V]", help="A size of the workload, see `list workloads`."),
]
ProgressOption = Annotated[ProgressStyle, typer.Option("--progress", help="Progress on stderr.")]
StoreOption = Annotated[
    str | None,
    typer.Option("--store", help="Folder of stored runs. Default: $DLBENCH_STORE, else .dlbench here."),
]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="Form of the result on stdout.")]
RUN_FORMATS = (
    "openmetrics is what GitLab's metrics reports read; bencher what `bencher run --adapter json` reads; "
    "benchmark-bigger and benchmark-smaller what github-action-benchmark reads with `tool: customBiggerIsBetter` and "
    "`tool: customSmallerIsBetter`."
)
RunFormatOption = Annotated[
    RunFormat, typer.Option("--format", "-f", help=f"Form of the result on stdout. {RUN_FORMATS}")
]
REPORT_HELP = "Write the result to a file too, in a form of --format; may be given several times."
ReportOption = Annotated[list[str] | None, typer.Option("--report", metavar="FORMAT=FILE", help=REPORT_HELP)]
