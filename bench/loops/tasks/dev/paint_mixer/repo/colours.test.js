"use strict";

const assert = require("node:assert/strict");
const { describe, it } = require("node:test");
const colours = require("./colours.js");

const { contrastText, lighten, mix, toHex } = colours;

describe("colours", () => {
  it("writes hex colours", () => {
    assert.equal(toHex([255, 127.6, 0]), "#ff8000");
  });

  it("mixes", () => {
    assert.equal(mix("#000000", "#ff8000"), "#804000");
    assert.equal(mix("FF0000", " #0000ff ", 0.8), "#cc0033");
  });

  it("lightens", () => {
    assert.equal(lighten("#336699", 0), "#336699");
    assert.equal(lighten("#336699", 1), "#ffffff");
  });

  it("knows what can be read", () => {
    assert.equal(contrastText("#FFE0B0"), "#000000");
    assert.equal(contrastText("#203040"), "#ffffff");
  });

  it("refuses other text", () => {
    for (const use of [() => mix("#fff000", "red"), () => lighten("red", 1), () => contrastText("red")]) {
      assert.throws(use, { name: "TypeError", message: "no colour: red" });
    }
  });
});

describe("parseHex", () => {
  it("returns three numbers", () => {
    assert.deepEqual(colours.parseHex("#FF8000"), [255, 128, 0]);
    assert.deepEqual(colours.parseHex(" 010203 "), [1, 2, 3]);
  });

  it("refuses other text", () => {
    assert.throws(() => colours.parseHex("#ff80"), /no colour: #ff80/);
  });

  it("is used instead of the repeated code", () => {
    for (const use of [mix, lighten, contrastText]) {
      assert.match(use.toString(), /parseHex/);
      assert.doesNotMatch(use.toString(), /parseInt|\.exec\(/);
    }
  });
});
