/** Lane orders: the fastest swimmer of a heat gets the first lane of the list. */

/** Return the lanes of a pool from the middle to the sides, e.g. 3, 4, 2, 5, 1, 6. */
export function middleOut(lanes) {
  const order = [];
  let left = Math.ceil(lanes / 2);
  let right = left + 1;
  while (order.length < lanes) {
    if (left >= 1) order.push(left--);
    if (right <= lanes) order.push(right++);
  }
  return order;
}

/** Read a pool such as "Westbad;6" or, with closed lanes, "Westbad;6;3,4,2,5". */
export function readPool(line) {
  const [name, lanes, order] = line.split(";").map((part) => part.trim());
  const count = Number(lanes);
  if (!Number.isInteger(count) || count < 1) {
    throw new RangeError(`${name} has no lanes`);
  }
  return {
    name,
    lanes: count,
    order: order ? order.split(",").map(parseInt) : middleOut(count),
  };
}
