"""The tidy frame: one row per workload, backend and further factors; units stand in the column names."""

from collections.abc import Sequence
from statistics import median
from typing import Any, cast

import pandas as pd

from ..factors import Scalar
from ..names import backend_name
from ..records.environment import CURRENT
from ..records.model import Case, Run, Trial, WorkloadInfo
from ..statistics.stats import Interval, Spread
from ..summaries import figures
from ..summaries.flags import flagged, notes
from ..summaries.ledger import COMPARED, DIGESTS, REFUSED, Difference
from ..summaries.summary import RowSummary
from ..summaries.work import Ceilings, utilisation
from .comparison import GroupSummary, summarise
from .schema import COLUMNS

FACTORS = ("device", "precision", "execution", "compile", "cache", "lane", "feed", "optimizer")
"""Factors with a column each; those left at their defaults too."""


def tidy(run: Run, ceilings: Ceilings | None = None) -> pd.DataFrame:
    """Return the figures of a run: wide, unrounded, seconds and bytes, NA for what could not be had.

    One row per (workload, backend, further factors), in the order of the run; cases that failed or were left
    out are rows too. `group` numbers the rows that may be compared with each other. `ceilings` are the highest
    rates of this machine (floating-point operations per second by device and precision), for the utilisation.
    """
    return frame_of(run, summarise(run), ceilings)


def frame_of(run: Run, groups: Sequence[GroupSummary], ceilings: Ceilings | None = None) -> pd.DataFrame:
    """Return the frame of a run whose groups are at hand."""
    rows = [_row(run, number, group, row) for number, group in enumerate(groups) for row in group.rows]
    for found, row in zip(rows, (row for group in groups for row in group.rows), strict=True):
        found["utilisation"] = utilisation(row.work, ceilings)
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
        "environment": row.row.environment or (CURRENT if len(run.header.environments) > 1 else None),
        "framework_version": _version(run, row),
        "side": key.side,
        "epochs_asked": next((asked for case in _converge_cases(row) if (asked := case.get("epochs"))), None),
        "batch_size": key.batch_size,
        **{name: _text(key.get(name)) for name in FACTORS},
        "threads": key.get("threads"),
        "execution_resolved": _resolved(row, "execution") or _text(key.get("execution")),
        **{name: _resolved(row, name) for name in ("compile_resolved", "compile_kind", "compile_cache", "layout")},
        **{f"{name}_resolved": _resolved(row, name) for name in ("feed", "threads")},
        **{name: _said(row.row.trials, name) for name in ("framework_note", "allocator_note")},
        "trials": row.trials,
        **_figures(row),
        **_standing(row, info),
        "group_detectable_ratio": group.detectable,
        "leads": row.leader,
        "shown_fastest": row.fastest,
        "not_comparable": row.incomparable,
        "differs_in": "; ".join(COMPARED[name] for name in row.differs) or None,
        "group_differences": "; ".join(_difference(found) for found in group.differences) or None,
        "group_fastest_withheld": group.withheld,
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
    learnt, memory, work, cost = row.accuracy, row.memory, row.work, row.cost
    metric = learnt.metric if learnt else None
    return {
        "metric_mean": metric.mean if metric else None,
        "metric_sd": metric.sd if metric else None,
        "seeds": learnt.seeds if learnt else None,
        "seeds_reached": learnt.reached if learnt else None,
        "time_to_accuracy_s": learnt.seconds_to_target if learnt else None,
        "epochs_to_accuracy": learnt.epochs_to_target if learnt else None,
        "samples_to_accuracy": learnt.items_to_target if learnt else None,
        "measured_joules_to_accuracy": learnt.joules_to_target if learnt else None,
        "epoch_s": learnt.epoch_seconds if learnt else None,
        "first_epoch_extra_s": learnt.first_epoch_seconds if learnt else None,
        **_interval("train_throughput{}_samples_per_s", row.train),
        "train_trials": row.train.n if row.train else None,
        "train_unsettled_trials": row.train_unsettled if row.train else None,
        **_interval("train_step{}_s", row.train_step),
        **_interval("ratio_to_fastest{}", row.ratio),
        "paired_blocks": row.ratio.n if row.ratio else None,
        "smallest_detectable_ratio": row.detectable,
        **_interval("infer_throughput{}_samples_per_s", row.infer),
        "infer_unsettled_trials": row.infer_unsettled if row.infer else None,
        **{f"{part}_flagged_trials": _flagged(row.row.part(part)) for part in ("train", "infer", "latency", "memory")},
        **_latencies(row),
        **_generation(row),
        **_segments(row),
        **_interval("first_step{}_s", row.first_step),
        **_spread("memory_steady_peak{}_bytes", memory.steady),
        **_spread("memory_exact{}_bytes", memory.exact),
        "memory_first_step_bytes": _mean(memory.first_step),
        "memory_import_floor_bytes": _mean(memory.import_floor),
        "framework_memory_bytes": _mean(memory.framework),
        "device_peak_bytes": _mean(memory.device_peak),
        "driver_bytes": _mean(memory.driver),
        "training_flops": work.training,
        "forward_flops": work.forward,
        "framework_flops": work.framework,
        "flops_note": work.note,
        **_interval("achieved_flops{}_per_s", work.achieved),
        **_interval("joules_per_million_samples{}", cost.joules_per_million),
        "joules_from": cost.joules_from,
        "joules_to_accuracy": cost.joules_to_accuracy,
        "cost_per_million_samples": cost.per_million,
        "cost_to_accuracy": cost.to_accuracy,
        "currency": cost.currency,
        "flags": "; ".join(dict.fromkeys(found.kind for found in row.flags)) or None,
        "flag_notes": "\n".join(notes(row.flags)) or None,
    }


def _converge_cases(row: RowSummary) -> list[Case]:
    """Return the cases that were, or would have been, trained to a target."""
    found = row.row
    cases = [trial.case for trial in found.converge] + [failure.case for failure in found.failures]
    cases += [item.case for item in found.left_out] + found.unmeasured
    return [case for case in cases if case.get("phase") == "converge"]


def _standing(row: RowSummary, info: WorkloadInfo | None) -> dict[str, Any]:
    """Return the accuracy at the common epoch, and against the reference's."""
    standing = row.standing
    if standing is None:
        return {}
    found: dict[str, Any] = {
        "metric_epoch": standing.epoch,
        **_interval("metric_at_epoch{}", standing.metric),
        "metric_at_epoch_sd": standing.sd,
        "metric_seeds": standing.metric.n if standing.metric else 0,
        "metric_seeds_lost": ",".join(map(str, standing.lost)) or None,
        "metric_reference": standing.reference,
        "metric_margin": info.margin if info else None,
        "metric_verdict_note": standing.why_not,
        "accuracy_doubt": standing.doubt,
    }
    if compared := standing.compared:
        found |= {
            **_interval("metric_difference{}", compared.difference),
            "metric_difference_low_90": compared.inner.low,
            "metric_difference_high_90": compared.inner.high,
            "metric_difference_sd": compared.sd,
            "metric_pairs": compared.difference.n,
            "metric_verdict": compared.verdict,
            "metric_verdict_note": compared.reason,
            "metric_seeds_needed": compared.seeds_needed,
        }
    return found


def _latencies(row: RowSummary) -> dict[str, Any]:
    found: dict[str, Any] = {"latency_note": row.latency_note}
    for name, latency in row.latencies.items():
        found |= _interval(f"latency_{name}{{}}_s", latency.over_trials)
        found |= {f"latency_{name}_trial_low_s": latency.trial_low, f"latency_{name}_trial_high_s": latency.trial_high}
    return found


def _generation(row: RowSummary) -> dict[str, Any]:
    """Return the columns of generation with a cache."""
    made = row.generation
    if made is None:
        return {}
    found: dict[str, Any] = {
        "prompt_tokens": made.prompt,
        "new_tokens": made.new_tokens,
        **_interval("prefill_throughput{}_tokens_per_s", made.prefill),
        **_interval("decode_throughput{}_tokens_per_s", made.decode),
        "generate_unsettled_trials": made.unsettled,
        "generate_flagged_trials": _flagged(row.row.generate),
        **_interval("first_prefill{}_s", made.first_prefill),
        **_interval("first_decode{}_s", made.first_decode),
        "prefill_flops": made.prefill_flops,
        "decode_flops": made.decode_flops,
    }
    for what, quantiles in (("first_token", made.first_token), ("inter_token", made.inter_token)):
        for name, told in quantiles.items():
            found |= _interval(f"{what}_{name}{{}}_s", told.over_trials)
            found |= {f"{what}_{name}_trial_low_s": told.trial_low, f"{what}_{name}_trial_high_s": told.trial_high}
    return found


def _difference(found: Difference) -> str:
    """Return a setting with its value on each backend: threads (JAX 2, PyTorch 1); digests alone say nothing."""
    name = COMPARED.get(found.name) or REFUSED[found.name].removeprefix("other ")
    if found.name in DIGESTS:
        return name
    return f"{name} ({', '.join(f'{backend_name(backend)} {value}' for backend, value in found.sides.items())})"


def _flagged(trials: list[Trial]) -> int | None:
    return flagged(trials) if trials else None


def _mean(found: Spread | None) -> float | None:
    return found.mean if found else None


def _spread(name: str, found: Spread | None) -> dict[str, float | None]:
    """Return the two columns of a spread; `{}` in the name is where `_sd` goes."""
    return {} if found is None else {name.format(""): found.mean, name.format("_sd"): found.sd}


def _segments(row: RowSummary) -> dict[str, float | None]:
    """Return the parts of a training process before its steady state beside the first step: medians over trials."""
    trials = row.row.train
    marks = {name: [t.marks[name] for t in trials if name in t.marks] for name in ("import_s", "build_s")}
    settling = [found for trial in trials if (found := figures.settling_seconds(trial)) is not None]
    return {name: median(found) if found else None for name, found in {**marks, "settling_s": settling}.items()}


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
    return _said(row.row.train or row.row.trials, name)


def _said(trials: list[Trial], name: str) -> str | None:
    values = [trial.ledger[name] for trial in trials if trial.ledger.get(name) is not None]
    return "/".join(dict.fromkeys(str(value) for value in values)) or None


def _version(run: Run, row: RowSummary) -> str | None:
    """Return the framework's version: ledger `framework_version` of the trials, else as probed."""
    places = [found for found in run.header.environments if found.factor == row.row.environment]
    probes = [probe for environment in places for probe in environment.probes]
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
