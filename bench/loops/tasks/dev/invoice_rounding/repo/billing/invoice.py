"""Invoice lines, taxes and totals."""

from dataclasses import dataclass, field
from decimal import Decimal

from billing.money import percent, to_cents


@dataclass(frozen=True)
class Line:
    text: str
    quantity: Decimal
    unit_price: Decimal
    tax_rate: Decimal = Decimal(19)

    @property
    def net(self):
        return to_cents(self.quantity * self.unit_price)

    @property
    def tax(self):
        return percent(self.net, self.tax_rate)


@dataclass
class Invoice:
    number: str
    lines: list = field(default_factory=list)

    def add(self, text, quantity, unit_price, tax_rate="19"):
        """Append a line and return it."""
        line = Line(text, Decimal(quantity), Decimal(unit_price), Decimal(tax_rate))
        self.lines.append(line)
        return line

    @property
    def net(self):
        return sum((line.net for line in self.lines), Decimal(0))

    def taxes(self):
        """Return the tax per rate, lowest rate first."""
        totals = {}
        for line in self.lines:
            totals[line.tax_rate] = totals.get(line.tax_rate, Decimal(0)) + line.tax
        return dict(sorted(totals.items()))

    @property
    def total(self):
        return self.net + sum(self.taxes().values(), Decimal(0))
