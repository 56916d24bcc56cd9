"""How a figure follows from measures: ``null`` where there is nothing to divide by, exact until rounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from appliance.analytics.measures import Measure
from appliance.analytics.rounding import money, rounded
from appliance.events.row import AMOUNT_SCALE

Unit = Literal["count", "percent", "percentage_points", "money", "ratio"]
Value = int | float | None
Values = Mapping[Measure, int]
"""What the measures come to in a set of events; every measure a formula uses must be there."""


@dataclass(frozen=True)
class Total:
    """One measure as it is: 0 without data."""

    measure: Measure

    @property
    def unit(self) -> Unit:
        return "money" if self.measure is Measure.REVENUE else "count"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.measure,)

    def value(self, values: Values) -> Value:
        return shown(self.measure, values)

    def __str__(self) -> str:
        return self.measure.value


@dataclass(frozen=True)
class Quotient:
    """One measure by another; ``null`` when the denominator is 0.

    Percentages and ratios have 2 places; money by a count is money, with 4.
    """

    numerator: Measure
    denominator: Measure
    unit: Unit = "percent"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return (self.numerator, self.denominator)

    def exact(self, values: Values) -> Fraction | None:
        """The quotient in its unit (a percentage is times 100), not rounded."""
        below = values[self.denominator]
        if below == 0:
            return None
        quotient = Fraction(values[self.numerator], below)
        if self.unit == "percent":
            return quotient * 100
        return quotient / AMOUNT_SCALE if self.unit == "money" else quotient

    def value(self, values: Values) -> Value:
        quotient = self.exact(values)
        return None if quotient is None else rounded(quotient, 4 if self.unit == "money" else 2)

    def __str__(self) -> str:
        return f"{self.numerator.value} / {self.denominator.value}"


@dataclass(frozen=True)
class Growth:
    """A total against the equally long window before, in percent of the latter; ``null`` when that is ≤ 0."""

    of: Total
    unit: Unit = "percent"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self.of.measures

    def change(self, values: Values, before: Values) -> Value:
        base = before[self.of.measure]
        if base <= 0:
            return None
        return rounded(Fraction(100 * (values[self.of.measure] - base), base), 2)

    def __str__(self) -> str:
        return f"({self.of} - {self.of} before) / {self.of} before"


@dataclass(frozen=True)
class PointChange:
    """A percentage less that of the window before, in percentage points; ``null`` when either is."""

    of: Quotient
    unit: Unit = "percentage_points"

    @property
    def measures(self) -> tuple[Measure, ...]:
        return self.of.measures

    def change(self, values: Values, before: Values) -> Value:
        now, then = self.of.exact(values), self.of.exact(before)
        return None if now is None or then is None else rounded(now - then, 2)

    def __str__(self) -> str:
        return f"{self.of} - {self.of} before"


Formula = Total | Quotient
"""What a single set of events answers."""
Change = Growth | PointChange
"""What needs the window before as well."""


def shown(measure: Measure, values: Values) -> int | float:
    """A measure as a reader sees it: money in its currency, all else as counted."""
    return money(values[measure]) if measure is Measure.REVENUE else values[measure]
