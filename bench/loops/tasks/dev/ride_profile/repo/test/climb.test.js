import assert from "node:assert";
import { test } from "node:test";
import * as ride from "../src/ride.js";

const points = (...heights) => heights.map((height, km) => ({ km, height }));

test("only up", () => {
  assert.deepEqual(ride.climb(points(600, 750, 950)), { up: 350, down: 0 });
});

test("up and down count apart", () => {
  assert.deepEqual(ride.climb(points(600, 750, 700, 900, 500)), { up: 350, down: 450 });
});

test("level ground", () => {
  assert.deepEqual(ride.climb(points(400, 400, 400)), { up: 0, down: 0 });
});

test("rounded at the end", () => {
  assert.deepEqual(ride.climb(points(100, 100.4, 100.8, 101.2, 99.5)), { up: 1, down: 2 });
});

test("less than two points", () => {
  assert.deepEqual(ride.climb([]), { up: 0, down: 0 });
  assert.deepEqual(ride.climb(points(800)), { up: 0, down: 0 });
});
