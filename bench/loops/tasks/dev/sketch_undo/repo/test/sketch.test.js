import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { Sketch } from "../src/sketch.js";
import { toPaths } from "../src/svg.js";

describe("sketch", () => {
  let sketch;

  beforeEach(() => {
    sketch = new Sketch();
  });

  const draw = (...colours) => colours.forEach((colour) => sketch.draw(colour, [0, 0], [5, 8]));
  const colours = () => sketch.strokes.map((stroke) => stroke.colour).join(" ");

  it("is empty at first", () => {
    assert.deepEqual(sketch.buttons, []);
    assert.equal(sketch.history.undo(), false);
    assert.equal(sketch.history.redo(), false);
  });

  it("undoes and redoes", () => {
    draw("red", "blue");
    sketch.history.undo();
    assert.equal(colours(), "red");
    assert.deepEqual(sketch.buttons, ["undo", "redo", "clear"]);
    sketch.history.redo();
    assert.equal(colours(), "red blue");
    assert.deepEqual(sketch.buttons, ["undo", "clear"]);
  });

  it("redoes several steps in their order", () => {
    draw("red", "blue", "green");
    for (let step = 0; step < 3; step++) sketch.history.undo();
    assert.deepEqual(sketch.buttons, ["redo"]);
    sketch.history.redo();
    sketch.history.redo();
    assert.equal(colours(), "red blue");
    assert.ok(sketch.history.canRedo);
  });

  it("has nothing to redo after a new stroke", () => {
    draw("red", "blue");
    sketch.history.undo();
    draw("green");
    assert.deepEqual(sketch.buttons, ["undo", "clear"]);
    assert.equal(sketch.history.redo(), false);
    assert.equal(colours(), "red green");
  });

  it("has nothing to redo after it was cleared", () => {
    draw("red", "blue");
    sketch.history.undo();
    sketch.clear();
    assert.deepEqual(sketch.buttons, ["undo"]);
    sketch.history.undo();
    assert.equal(colours(), "red");
  });

  it("forgets the oldest step at the limit", () => {
    sketch = new Sketch({ limit: 2 });
    draw("red", "blue", "green");
    while (sketch.history.undo());
    assert.equal(colours(), "red");
  });

  it("refuses a dot", () => {
    assert.throws(() => sketch.draw("red", [1, 1]), /two points/);
    assert.deepEqual(sketch.buttons, []);
  });

  it("becomes SVG", () => {
    sketch.draw("red", [0, 0], [5, 8], [9, 8]);
    assert.deepEqual(toPaths(sketch), ['<path stroke="red" d="M0 0 L5 8 9 8"/>']);
  });
});
