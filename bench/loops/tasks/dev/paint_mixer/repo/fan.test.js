"use strict";

const assert = require("node:assert/strict");
const { it } = require("node:test");
const { cards, fan, gradient } = require("./fan.js");

it("makes a fan", () => {
  assert.deepEqual(fan("#800000", 2), ["#800000", "#c08080"]);
});

it("makes cards", () => {
  assert.deepEqual(cards("Brick", "#800000", 3), [
    { label: "Brick", background: "#800000", text: "#ffffff" },
    { label: "Brick 1", background: "#aa5555", text: "#ffffff" },
    { label: "Brick 2", background: "#d5aaaa", text: "#000000" },
  ]);
});

it("makes a gradient", () => {
  assert.deepEqual(gradient("#000000", "#6496c8", 3), ["#000000", "#324b64", "#6496c8"]);
});
