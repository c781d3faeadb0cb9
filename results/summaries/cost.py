"""Cost: what training takes in joules and in money."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..factors import Scalar
from ..records.marks import ENERGY_SOURCES
from ..records.model import Trial
from ..statistics import stats
from ..statistics.stats import Interval
from .accuracy import Accuracy

MILLION = 1e6
HOUR_S = 3600.0
DEFAULT_CURRENCY = "USD"


@dataclass(frozen=True, slots=True)
class Cost:
    """What a row costs; None for what is not known."""

    joules_per_million: Interval | None
    """Joules per million samples trained on, over trials."""
    joules_from: str | None
    """What the joules cover: device, processor packages, or both."""
    joules_to_accuracy: float | None
    """For the samples until the target, at the rate above."""
    per_million: float | None
    """Money per million samples trained on."""
    to_accuracy: float | None
    """Money for the steady training time until the target; compiling and evaluating come on top."""
    currency: str | None
    """None without a price."""


def cost(
    trials: Sequence[Trial], rate: Interval | None, learnt: Accuracy | None, options: Mapping[str, Scalar]
) -> Cost:
    """Return the cost of a row from its training trials, its throughput (samples/s) and the run's options.

    The price stands in the options `price_per_hour` and `price_currency`.
    """
    price, currency = options.get("price_per_hour"), options.get("price_currency")
    told = [found for trial in trials if (found := joules_per_million(trial.marks))]
    joules = stats.geometric_mean(told)
    known = isinstance(price, int | float) and not isinstance(price, bool)
    hourly = float(price) if known and price is not None else None
    return Cost(
        joules,
        _covered(trials) if joules else None,
        joules.estimate * learnt.items_to_target / MILLION if joules and learnt and learnt.items_to_target else None,
        money_per_million(hourly, rate.estimate) if hourly is not None and rate else None,
        money(hourly, learnt.seconds_to_target)
        if hourly is not None and learnt and learnt.seconds_to_target is not None
        else None,
        str(currency or DEFAULT_CURRENCY) if known else None,
    )


def joules_per_million(marks: Mapping[str, float]) -> float | None:
    """Return joules per million samples: of device and processor packages together, as far as they were read."""
    read = [marks[name] for name in ENERGY_SOURCES if name in marks]
    items = marks.get("energy_items", 0.0)
    return sum(read) / items * MILLION if read and items > 0 else None


def money_per_million(price_per_hour: float, items_per_s: float) -> float:
    """Return the price of a million samples on a machine with a price per hour."""
    return money(price_per_hour, MILLION / items_per_s)


def money(price_per_hour: float, seconds: float) -> float:
    """Return the price of some seconds."""
    return price_per_hour * seconds / HOUR_S


def _covered(trials: Sequence[Trial]) -> str:
    return " and ".join(what for name, what in ENERGY_SOURCES.items() if any(name in trial.marks for trial in trials))
