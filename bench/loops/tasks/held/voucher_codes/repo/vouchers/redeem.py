"""Pay with vouchers."""


def redeem(store, typed, price):
    """Use up a voucher; returns what is left to pay, in cents."""
    voucher = store.get(typed)
    if voucher.used:
        raise ValueError("this voucher was used before")
    voucher.used = True
    return max(0, price - voucher.cents)


def redeem_all(store, codes, price):
    """Use up vouchers until nothing is left to pay; returns (rest, number used)."""
    used = 0
    for code in codes:
        if price == 0:
            break
        price = redeem(store, code, price)
        used += 1
    return price, used
