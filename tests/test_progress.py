"""Progress in lines: what people read in a log, and what programs read."""

import io
import json
from typing import Any

import pytest
from dlbench.harness.progress import JsonLines, Observer, PlainLines, Silence, Step, last_figure
from dlbench.results.records.model import Case, Trial, Window

from .factories import CASE, epochs, failure, trial

STEP = Step("digits_cnn JAX", "b0-01-digits_cnn-jax", 0, 3, done=1, total=6, left_s=125.0, after_s=120.0)
LAST = Step("digits_cnn JAX", "b2-01-digits_cnn-jax", 2, 3, done=5, total=6, left_s=4.0, after_s=0.0)
INFER = Case.of("digits_cnn", backend="jax", phase="infer")


def all_events(observer: Observer) -> None:
    """Tell an observer one of everything."""
    observer.note("something is worth saying")
    observer.started(STEP)
    observer.replied(STEP, (trial(),), (failure(kind="timeout", message="not done"),), 2.5)
    observer.finished("complete", 65.0)


def plain(*reply: Any) -> str:
    """Return the line that a reply gives."""
    stream = io.StringIO()
    PlainLines(stream).replied(*reply)
    (line,) = stream.getvalue().splitlines()
    return line


def test_a_line_tells_the_place_the_job_and_its_figure() -> None:
    line = plain(STEP, (trial(),), (), 2.5)
    assert line.startswith("[2/6] digits_cnn JAX: 2.50 s, train 128 samples/s")


def test_a_line_tells_about_how_long_is_left() -> None:
    assert "about 2 min 00 s to go" in plain(STEP, (trial(),), (), 2.5)
    unknown = Step("digits_cnn JAX", "b0", 0, 3, done=1, total=6, left_s=None)
    assert "to go" not in plain(unknown, (trial(),), (), 2.5)


def test_after_the_last_job_nothing_is_left_to_go() -> None:
    assert "to go" not in plain(LAST, (trial(),), (), 4.0)


def test_a_line_tells_what_failed_and_why() -> None:
    line = plain(STEP, (), (failure(kind="out of memory", message="it needed more"),), 2.5)
    assert "out of memory: it needed more" in line
    assert "train" not in line


def test_plain_progress_is_a_line_for_each_note_reply_and_end() -> None:
    stream = io.StringIO()
    all_events(PlainLines(stream))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0] == "something is worth saying"
    assert "timeout: not done" in lines[1]
    assert lines[2] == "complete after 1 min 05 s"


class Flushed(io.StringIO):
    """A stream that remembers what it held when it was last flushed."""

    seen = ""

    def flush(self) -> None:
        self.seen = self.getvalue()


@pytest.mark.parametrize("kind", [PlainLines, JsonLines])
def test_a_line_is_out_as_soon_as_it_is_written(kind: Any) -> None:
    stream = Flushed()
    kind(stream).note("now")
    assert "now" in stream.seen


def test_each_event_is_one_json_object_on_its_line() -> None:
    stream = io.StringIO()
    all_events(JsonLines(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["note", "started", "replied", "finished"]
    place = {"job": STEP.job, "what": STEP.text, "block": 0, "done": 1, "total": 6}
    assert events[0] == {"event": "note", "text": "something is worth saying"}
    assert events[1] == {"event": "started", **place, "left_s": 125.0}
    assert events[2] == {
        "event": "replied",
        **place,
        "seconds": 2.5,
        "cases": [
            {"case": CASE.id, "outcome": "measured"},
            {"case": CASE.id, "outcome": "timeout", "message": "not done"},
        ],
    }
    assert events[3] == {"event": "finished", "state": "complete", "seconds": 65.0}


def test_text_of_several_lines_stays_one_json_line() -> None:
    stream = io.StringIO()
    JsonLines(stream).note("a\nb\u2028é")
    (line,) = stream.getvalue().split("\n")[:-1]
    assert json.loads(line)["text"] == "a\nb\u2028é"


def test_silence_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    all_events(Silence())
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("trials", "figure"),
    [
        ((trial(),), "train 128 samples/s"),
        ((trial(INFER, queries=(0.003, 0.001, 0.002)),), "latency 2.00 ms"),
        ((trial(INFER, queries=(0.002,)), trial()), "train 128 samples/s"),
        ((trial(INFER, windows=(), epochs=epochs(0.5, 0.912)),), "metric 0.912 after 2 epochs"),
        ((trial(INFER, windows=()), trial(INFER, windows=())), "2 cases measured"),
    ],
    ids=["train", "infer", "train first", "converge", "nothing to tell"],
)
def test_the_most_telling_figure_is_shown(trials: tuple[Trial, ...], figure: str) -> None:
    assert last_figure(trials) == figure


def test_the_figure_leaves_out_the_first_half_of_the_windows() -> None:
    slow_start = (Window(1, 10, 0.0, 5.0), Window(1, 10, 5.0, 6.0), Window(1, 10, 6.0, 7.0), Window(1, 10, 7.0, 8.0))
    assert last_figure((trial(windows=slow_start),)) == "train 10 samples/s"
