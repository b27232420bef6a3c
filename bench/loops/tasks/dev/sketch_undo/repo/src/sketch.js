import { History } from "./history.js";

/** A sketch of strokes { colour, points }, the last one on top. */
export class Sketch {
  constructor({ limit } = {}) {
    this.strokes = [];
    this.history = new History(limit);
  }

  draw(colour, ...points) {
    if (points.length < 2) throw new RangeError("a stroke needs two points");
    const stroke = { colour, points };
    this.history.run({
      apply: () => this.strokes.push(stroke),
      revert: () => this.strokes.pop(),
    });
  }

  /** Remove all strokes; a sketch without any is left alone. */
  clear() {
    if (this.strokes.length === 0) return;
    const before = this.strokes;
    this.history.run({
      apply: () => (this.strokes = []),
      revert: () => (this.strokes = before),
    });
  }

  /** Return the buttons that are active. */
  get buttons() {
    const active = [];
    if (this.history.canUndo) active.push("undo");
    if (this.history.canRedo) active.push("redo");
    if (this.strokes.length > 0) active.push("clear");
    return active;
  }
}
