import assert from "node:assert/strict";
import { test } from "node:test";
import { checkout, subtotal } from "../src/checkout.js";
import { bestCoupons, saving } from "../src/coupons.js";

test("coupons of the same length", () => {
  assert.deepEqual(bestCoupons([200, 500, 300], 2), [500, 300]);
});

test("coupons of different length", () => {
  assert.deepEqual(bestCoupons([9, 30, 100], 2), [100, 30]);
});

test("no coupons allowed", () => {
  assert.deepEqual(bestCoupons([100, 200], 0), []);
});

test("input keeps its order", () => {
  const values = [300, 100, 200];
  bestCoupons(values, 1);
  assert.deepEqual(values, [300, 100, 200]);
});

test("saving is at most the price", () => {
  assert.equal(saving([700, 900], 2, 1000), 1000);
});

test("checkout", () => {
  const items = [{ cents: 1200 }, { cents: 400, count: 2 }];
  assert.equal(subtotal(items), 2000);
  assert.equal(checkout(items, [50, 1000, 200]), 2000 - 1200 + 490);
});
