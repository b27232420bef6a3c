"""Receipts for a printer with a fixed number of columns."""

COLUMNS = 32
PRICE_COLUMNS = 9


def money(cents):
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02}"


def clip(text, width):
    """Shorten a text that does not fit; an ellipsis shows that something is missing."""
    if len(text) <= width:
        return text
    return text[: width - 1] + "…"


def row(left, right, columns=COLUMNS):
    """Return a line with a text on the left and a price on the right."""
    room = columns - PRICE_COLUMNS
    return clip(left, room).ljust(room) + right.rjust(PRICE_COLUMNS)


def receipt(basket, paid=None, shop="Corner Shop"):
    """Return the lines of a receipt; with change if it is known what was paid."""
    lines = [clip(shop, COLUMNS).center(COLUMNS).rstrip(), "-" * COLUMNS]
    for article, count in basket.lines:
        lines.append(row(article.name, money(article.price * count)))
        if count > 1:
            lines.append(f"  {count} x {money(article.price)}")
    lines.append("-" * COLUMNS)
    lines.append(row("TOTAL", money(basket.total())))
    if paid is not None:
        lines.append(row("Change", money(paid - basket.total())))
    for rate, cents in basket.vat().items():
        lines.append(row(f"incl. {rate}% VAT", money(cents)))
    return lines
