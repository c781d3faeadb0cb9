"""Live progress in a terminal: what runs now, how far the run is, what is left, the last figure."""

from contextlib import suppress

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column

from ...results import units
from ...results.records.model import Failure, Trial
from ..progress import Step, last_figure

REDRAWS_PER_SECOND = 2.0
"""Few: the drawing shares the cores with what is measured."""


class LiveProgress:
    """A bar on stderr that is redrawn in place and removed at the end; failures stay on the screen."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            MofNCompleteColumn(table_column=Column(no_wrap=True)),
            BarColumn(bar_width=12),
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True)),
            TextColumn("[dim]{task.fields[last]}", table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1)),
            console=console,
            refresh_per_second=REDRAWS_PER_SECOND,
            transient=True,
            expand=True,
        )
        self._task: TaskID | None = None

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        with suppress(OSError, ValueError):  # Nobody reads any more: that must not change the run.
            self._console.print(text, style="dim", highlight=False, markup=False)

    def started(self, step: Step) -> None:
        """Show the job that starts."""
        left = f"{units.seconds(step.left_s)} left" if step.left_s is not None else ""
        if self._task is None:
            self._task = self._progress.add_task(step.text, total=step.total, left=left, last="")
            self._progress.start()
        self._progress.update(self._task, description=step.text, completed=step.done, left=left)

    def replied(self, step: Step, trials: tuple[Trial, ...], failures: tuple[Failure, ...], seconds: float) -> None:
        """Show the last figure; print failures above the bar."""
        for failure in failures:
            self.note(f"{step.text}, {failure.case.get('phase')}: {failure.kind}: {failure.message}")
        if self._task is not None:
            last = last_figure(trials) if trials else "failed"
            self._progress.update(self._task, completed=step.done + 1, last=f"last: {last}")

    def finished(self, state: str, seconds: float) -> None:
        """Remove the bar."""
        self._progress.stop()
        self.note(f"{state} after {units.seconds(seconds)}")
