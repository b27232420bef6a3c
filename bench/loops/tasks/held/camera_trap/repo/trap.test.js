"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const trap = require("./trap.js");

const SIGHTINGS = [
  { animal: "deer", at: 22, count: 2 },
  { animal: "fox", at: 3, count: 1 },
  { animal: "boar", at: 12, count: 4 },
  { animal: "deer", at: 5, count: 3 },
];

test("sightings at night are sorted", () => {
  assert.deepEqual(trap.atNight(SIGHTINGS).map(({ at }) => at), [3, 5, 22]);
});

test("label", () => {
  assert.equal(trap.label("owl", 1), "1 owl");
  assert.equal(trap.label("owl", 2), "2 x owl");
});

test("lines", () => {
  assert.deepEqual(trap.lines(SIGHTINGS)[1], "05h 3 x deer");
});

test("most seen animals", () => {
  assert.deepEqual(trap.mostSeen(SIGHTINGS), [
    { animal: "deer", count: 5 },
    { animal: "boar", count: 4 },
    { animal: "fox", count: 1 },
  ]);
});

test("most seen leaves its input alone", () => {
  const input = SIGHTINGS.map((sighting) => ({ ...sighting }));
  trap.mostSeen(input);
  assert.deepEqual(input, SIGHTINGS);
  assert.deepEqual(trap.mostSeen([]), []);
});
