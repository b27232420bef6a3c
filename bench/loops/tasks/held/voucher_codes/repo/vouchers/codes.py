"""Voucher codes such as "KX4-7PQ": two groups of three, no letters that look like digits."""

LOOKALIKES = {"O": "0", "I": "1", "B": "8"}


def tidy(code):
    """Return a code as it is stored, from what a customer typed."""
    text = code
    for letter, digit in LOOKALIKES.items():
        text = text.replace(letter, digit)
    return text


def is_well_formed(code):
    """Tell whether a tidy code has the right form."""
    groups = code.split("-")
    return len(groups) == 2 and all(len(g) == 3 and g.isalnum() for g in groups)
