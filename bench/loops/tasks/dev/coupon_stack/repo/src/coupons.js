/** Coupons are worth a number of cents. At most `limit` of them count per order. */
export function bestCoupons(values, limit) {
  if (limit <= 0) return [];
  const sorted = [...values].sort();
  return sorted.slice(-limit).reverse();
}

/** The saving of a set of coupons, never more than the price of the order. */
export function saving(values, limit, orderCents) {
  const sum = bestCoupons(values, limit).reduce((total, value) => total + value, 0);
  return Math.min(sum, orderCents);
}
