"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { addCard, createBoard, findCard, removeCard } = require("./lib/board.js");
const { overLimit, summary } = require("./lib/summary.js");

const EMPTY = createBoard("todo", { name: "doing", limit: 1 }, "done");

test("a new board is empty", () => {
  assert.deepEqual(summary(EMPTY), ["todo (0): -", "doing (0/1): -", "done (0): -"]);
});

test("add", () => {
  const board = addCard(addCard(EMPTY, "todo", { id: 1, title: "Sand" }), "todo", {
    id: 2,
    title: "Paint",
  });
  assert.equal(summary(board)[0], "todo (2): Sand, Paint");
  assert.equal(EMPTY.columns[0].cards.length, 0);
  assert.throws(() => addCard(EMPTY, "later", { id: 3, title: "Oil" }), /no column later/);
});

test("remove", () => {
  const board = addCard(EMPTY, "todo", { id: 1, title: "Sand" });
  assert.deepEqual(removeCard(board, 1), EMPTY);
  assert.throws(() => removeCard(EMPTY, 1), /no card 1/);
});

test("find", () => {
  const board = addCard(EMPTY, "done", { id: 7, title: "Saw" });
  assert.equal(findCard(board, 7).column.name, "done");
});

test("over the limit", () => {
  let board = addCard(EMPTY, "doing", { id: 1, title: "Sand" });
  assert.deepEqual(overLimit(board), []);
  board = addCard(board, "doing", { id: 2, title: "Paint" });
  assert.deepEqual(overLimit(board), ["doing"]);
});
