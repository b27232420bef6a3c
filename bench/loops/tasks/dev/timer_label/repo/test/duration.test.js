import assert from "node:assert/strict";
import { test } from "node:test";
import { formatDuration } from "../lib/duration.js";
import { Timer } from "../lib/timer.js";

test("seconds", () => {
  assert.equal(formatDuration(0), "0s");
  assert.equal(formatDuration(42), "42s");
});

test("minutes and hours", () => {
  assert.equal(formatDuration(125), "2m 5s");
  assert.equal(formatDuration(7500), "2h 5m");
});

test("negative", () => {
  assert.equal(formatDuration(-61), "-1m 1s");
});

test("days", () => {
  assert.equal(formatDuration(90000), "1d 1h");
  assert.equal(formatDuration(2 * 86400), "2d");
});

test("timer label", () => {
  let now = 100;
  const timer = new Timer(60, () => now);
  assert.equal(timer.label(), "1m left");
  now = 190;
  assert.equal(timer.label(), "over by 30s");
});

test("long timer", () => {
  const timer = new Timer(3 * 86400 + 7200, () => 0);
  assert.equal(timer.label(), "3d 2h left");
});
