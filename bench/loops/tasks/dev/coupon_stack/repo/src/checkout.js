import { saving } from "./coupons.js";

const FREE_SHIPPING_FROM = 5000;
const SHIPPING = 490;

export function subtotal(items) {
  return items.reduce((sum, item) => sum + item.cents * (item.count ?? 1), 0);
}

/** What the customer pays, in cents. Shipping depends on the price before coupons. */
export function checkout(items, coupons, limit = 2) {
  const goods = subtotal(items);
  const shipping = goods >= FREE_SHIPPING_FROM || goods === 0 ? 0 : SHIPPING;
  return goods - saving(coupons, limit, goods) + shipping;
}
