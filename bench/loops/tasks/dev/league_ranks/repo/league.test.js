"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { print, relegated } = require("./lib/print.js");
const { readResults } = require("./lib/results.js");
const { table } = require("./lib/table.js");

const MAY = readResults(`
  Harbour - North End 2:0
  Mill Lane - Harbour 0:1
  Old Park - Mill Lane 1:1
  North End - Old Park
`);

const LEVEL = readResults(`
  Harbour - Ferry 3:0
  Mill Lane - Old Park 1:1
  North End - Ferry 2:0
`);

const places = (games) => table(games).map(([place, team]) => `${place} ${team.name}`);

test("results", () => {
  assert.equal(MAY.length, 3);
  assert.deepEqual(MAY[0], { home: "Harbour", away: "North End", score: [2, 0] });
});

test("points, difference, goals", () => {
  const [[, first], [, second]] = table(MAY);
  assert.deepEqual([first.name, first.points, first.difference], ["Harbour", 6, 3]);
  assert.deepEqual([second.name, second.points, second.played], ["Old Park", 1, 1]);
});

test("nobody is level", () => {
  assert.deepEqual(places(MAY), ["1 Harbour", "2 Old Park", "3 Mill Lane", "4 North End"]);
});

test("a shared place", () => {
  assert.deepEqual(places(LEVEL).slice(0, 4), [
    "1 Harbour",
    "2 North End",
    "3 Mill Lane",
    "3 Old Park",
  ]);
});

test("the place after a shared one", () => {
  assert.equal(places(LEVEL)[4], "5 Ferry");
});

test("three at the top", () => {
  const games = readResults("A - X 1:0\nB - Y 1:0\nC - Z 1:0");
  assert.deepEqual(places(games), ["1 A", "1 B", "1 C", "4 X", "4 Y", "4 Z"]);
  assert.deepEqual(relegated(games, 3), ["X", "Y", "Z"]);
});

test("print", () => {
  assert.deepEqual(print(LEVEL).split("\n").slice(1, 4), [
    " 2. North End     +2 3",
    " 3. Mill Lane      0 1",
    "    Old Park       0 1",
  ]);
});

test("relegated", () => {
  assert.deepEqual(relegated(MAY, 2), ["Mill Lane", "North End"]);
});
