"""The tidy frame: one row per workload, backend and further factors; units stand in the column names."""

from statistics import median
from typing import Any, cast

import pandas as pd

from .factors import Scalar
from .model import Run, Trial
from .stats import Interval
from .summary import GroupSummary, RowSummary, summarise

COLUMNS = {
    "group": "Int64",
    "workload": "string",
    "area": "string",
    "data": "string",
    "source": "string",
    "item": "string",
    "backend": "string",
    "framework_version": "string",
    "side": "string",
    "batch_size": "Int64",
    "device": "string",
    "precision": "string",
    "execution": "string",
    "compile": "string",
    "execution_resolved": "string",
    "compile_resolved": "string",
    "compile_kind": "string",
    "compile_cache": "string",
    "trials": "Int64",
    "metric": "string",
    "direction": "string",
    "target": "Float64",
    "best": "Float64",
    "metric_mean": "Float64",
    "metric_sd": "Float64",
    "seeds": "Int64",
    "seeds_reached": "Int64",
    "time_to_accuracy_s": "Float64",
    "epochs_to_accuracy": "Float64",
    "train_throughput_samples_per_s": "Float64",
    "train_throughput_low_samples_per_s": "Float64",
    "train_throughput_high_samples_per_s": "Float64",
    "train_trials": "Int64",
    "train_unsettled_trials": "Int64",
    "train_step_s": "Float64",
    "train_step_low_s": "Float64",
    "train_step_high_s": "Float64",
    "ratio_to_fastest": "Float64",
    "ratio_to_fastest_low": "Float64",
    "ratio_to_fastest_high": "Float64",
    "paired_blocks": "Int64",
    "smallest_detectable_ratio": "Float64",
    "group_detectable_ratio": "Float64",
    "leads": "boolean",
    "shown_fastest": "boolean",
    "infer_throughput_samples_per_s": "Float64",
    "infer_throughput_low_samples_per_s": "Float64",
    "infer_throughput_high_samples_per_s": "Float64",
    "infer_unsettled_trials": "Int64",
    "latency_p50_s": "Float64",
    "latency_p50_low_s": "Float64",
    "latency_p50_high_s": "Float64",
    "latency_p90_s": "Float64",
    "latency_p90_low_s": "Float64",
    "latency_p90_high_s": "Float64",
    "latency_note": "string",
    "first_step_s": "Float64",
    "first_step_low_s": "Float64",
    "first_step_high_s": "Float64",
    "memory_steady_peak_bytes": "Float64",
    "memory_steady_peak_sd_bytes": "Float64",
    "foreign_load_median": "Float64",
    "foreign_load_worst": "Float64",
    "failures": "Int64",
    "failure_kind": "string",
    "failure_phase": "string",
    "failure_message": "string",
    "failure_log": "string",
    "failure_log_tail": "string",
}
"""Every column that is always there, in order, with its pandas type. A workload's parameters (`p.depth`) and
factors of later versions follow."""


def tidy(run: Run) -> pd.DataFrame:
    """Return the figures of a run: wide, unrounded, seconds and bytes, NA for what could not be had.

    One row per (workload, backend, further factors), in the order of the run; cases that failed or were left
    out are rows too. `group` numbers the rows that may be compared with each other.
    """
    groups = summarise(run)
    rows = [_row(run, number, group, row) for number, group in enumerate(groups) for row in group.rows]
    extra = list(dict.fromkeys(name for row in rows for name in row if name not in COLUMNS))
    kinds = COLUMNS | {name: _kind([row.get(name) for row in rows]) for name in extra}
    columns = {name: _column([row.get(name) for row in rows], kind) for name, kind in kinds.items()}
    return pd.DataFrame(columns)


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame as plain Python values, None for NA."""
    columns = {str(name): [None if pd.isna(v) else v for v in frame[name].tolist()] for name in frame.columns}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _row(run: Run, number: int, group: GroupSummary, row: RowSummary) -> dict[str, Any]:
    key, info, load = group.key, group.info, row.foreign_load
    found: dict[str, Any] = {
        "group": number,
        "workload": key.workload,
        "backend": row.row.backend,
        "framework_version": _version(run, row),
        "side": key.side,
        "batch_size": key.batch_size,
        **{name: _text(key.get(name)) for name in ("device", "precision", "execution", "compile")},
        "execution_resolved": _resolved(row, "execution") or _text(key.get("execution")),
        "compile_resolved": _resolved(row, "compile_resolved"),
        "compile_kind": _resolved(row, "compile_kind"),
        "compile_cache": _resolved(row, "compile_cache"),
        "trials": row.trials,
        **_figures(row),
        "group_detectable_ratio": group.detectable,
        "leads": row.leader,
        "shown_fastest": row.fastest,
        "foreign_load_median": median(load) if load else None,
        "foreign_load_worst": max(load, default=None),
        **_problems(row),
    }
    if info:
        names = ("area", "data", "source", "item", "metric", "direction", "best")
        found |= {name: getattr(info, name) for name in names}
        found["target"] = info.target
    if row.accuracy and row.accuracy.target is not None:
        found["target"] = row.accuracy.target
    found |= {name: value for name, value in key.others if name not in found and name not in COLUMNS}
    return found


def _figures(row: RowSummary) -> dict[str, Any]:
    learnt, memory = row.accuracy, row.memory
    metric = learnt.metric if learnt else None
    return {
        "metric_mean": metric.mean if metric else None,
        "metric_sd": metric.sd if metric else None,
        "seeds": learnt.seeds if learnt else None,
        "seeds_reached": learnt.reached if learnt else None,
        "time_to_accuracy_s": learnt.seconds_to_target if learnt else None,
        "epochs_to_accuracy": learnt.epochs_to_target if learnt else None,
        **_interval("train_throughput{}_samples_per_s", row.train),
        "train_trials": row.train.n if row.train else None,
        "train_unsettled_trials": row.train_unsettled if row.train else None,
        **_interval("train_step{}_s", row.train_step),
        **_interval("ratio_to_fastest{}", row.ratio),
        "paired_blocks": row.ratio.n if row.ratio else None,
        "smallest_detectable_ratio": row.detectable,
        **_interval("infer_throughput{}_samples_per_s", row.infer),
        "infer_unsettled_trials": row.infer_unsettled if row.infer else None,
        **_interval("latency_p50{}_s", row.latency_p50),
        **_interval("latency_p90{}_s", row.latency_p90),
        "latency_note": row.latency_note,
        **_interval("first_step{}_s", row.first_step),
        "memory_steady_peak_bytes": memory.mean if memory else None,
        "memory_steady_peak_sd_bytes": memory.sd if memory else None,
    }


def _interval(name: str, found: Interval | None) -> dict[str, float | None]:
    """Return the three columns of an interval; `{}` in the name is where `_low` and `_high` go."""
    if found is None:
        return {}
    return {name.format(""): found.estimate, name.format("_low"): found.low, name.format("_high"): found.high}


def _problems(row: RowSummary) -> dict[str, Any]:
    """Return what failed, joined where a row has several problems; the first log alone."""
    problems = row.problems
    if not problems:
        return {"failures": 0}
    several = len({problem.message for problem in problems}) > 1
    messages = [f"{p.phase}: {p.message}" if several and p.phase else p.message for p in problems]
    return {
        "failures": len(row.row.failures),
        "failure_kind": _joined(problem.kind for problem in problems),
        "failure_phase": _joined(problem.phase for problem in problems if problem.phase) or None,
        "failure_message": _joined(messages),
        "failure_log": next((problem.log for problem in problems if problem.log), None),
        "failure_log_tail": next(
            ("\n".join(problem.tail) for problem in problems if problem.log and problem.tail), None
        ),
    }


def _joined(texts: Any) -> str:
    return "; ".join(dict.fromkeys(" ".join(str(text).split()) for text in texts))


def _resolved(row: RowSummary, name: str) -> str | None:
    """Return a ledger entry of the row's training trials (or of all): different values joined by a slash."""
    trials: list[Trial] = row.row.train or row.row.trials
    values = [trial.ledger[name] for trial in trials if trial.ledger.get(name) is not None]
    return "/".join(dict.fromkeys(str(value) for value in values)) or None


def _version(run: Run, row: RowSummary) -> str | None:
    """Return the framework's version: ledger `framework_version` of the trials, else as probed."""
    probes = [probe for environment in run.header.environments for probe in environment.probes]
    probed = dict.fromkeys(p.version for p in probes if p.backend == row.row.backend and p.version)
    return _resolved(row, "framework_version") or "/".join(probed) or None


def _text(value: Scalar) -> str | None:
    return None if value is None else str(value)


def _kind(values: list[Scalar]) -> str:
    """Return the narrowest pandas type that holds the values of a further factor."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {bool}:
        return "boolean"
    if kinds == {int}:
        return "Int64"
    return "Float64" if kinds and kinds <= {int, float} else "string"


def _column(values: list[Any], kind: str) -> Any:
    """Return values as a pandas column; None becomes NA."""
    known = [_text(value) for value in values] if kind == "string" else values
    return pd.Series(known, dtype=cast("Any", kind))
