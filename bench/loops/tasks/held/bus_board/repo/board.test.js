"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const board = require("./board.js");

const DEPARTURES = [
  { line: "7", to: "Harbour", at: 620 },
  { line: "12", to: "Station", at: 605 },
  { line: "7", to: "Harbour", at: 600 },
  { line: "12", to: "Zoo", at: 700 },
];

test("upcoming departures are sorted", () => {
  assert.deepEqual(board.upcoming(DEPARTURES, 601).map(({ at }) => at), [605, 620]);
});

test("countdown", () => {
  assert.equal(board.countdown(610, 600), "10 min");
  assert.equal(board.countdown(600, 600), "now");
});

test("rows", () => {
  assert.deepEqual(board.rows(DEPARTURES, 600)[1], " 12 Station    5 min");
});

test("next departure per line", () => {
  assert.deepEqual(board.nextPerLine(DEPARTURES), [
    { line: "7", to: "Harbour", at: 600 },
    { line: "12", to: "Station", at: 605 },
  ]);
});

test("next per line leaves its input alone", () => {
  const input = [...DEPARTURES];
  board.nextPerLine(input);
  assert.deepEqual(input, DEPARTURES);
  assert.deepEqual(board.nextPerLine([]), []);
});
