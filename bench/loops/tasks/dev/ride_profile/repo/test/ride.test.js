import assert from "node:assert/strict";
import { test } from "node:test";
import { headline, sparkline } from "../src/profile.js";
import { distance, readRide, summit, ridingHours } from "../src/ride.js";

const LAKE = readRide(`
  0 600
  1.5 750
  4 950
  6.2 600
`);

test("reads points", () => {
  assert.deepEqual(LAKE[1], { km: 1.5, height: 750 });
  assert.throws(() => readRide("1.5 high"), /no point: 1.5 high/);
});

test("distance", () => {
  assert.equal(distance(LAKE), 6.2);
  assert.equal(distance([]), 0);
});

test("summit", () => {
  assert.equal(summit(LAKE).km, 4);
});

test("riding hours", () => {
  assert.equal(ridingHours(36, 600), 2.5);
  assert.equal(ridingHours(18, 1800), 3.5);
});

test("sparkline", () => {
  assert.equal(sparkline(LAKE), "▁▄█▁");
  assert.equal(sparkline(LAKE.slice(0, 1)), "▁");
});

test("headline", () => {
  assert.equal(headline("Lake loop", LAKE), "Lake loop: 6.2 km, highest point 950 m");
});
