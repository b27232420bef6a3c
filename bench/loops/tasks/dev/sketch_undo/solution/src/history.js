/** What was done, so that it can be undone and done again. */
export class History {
  constructor(limit = 100) {
    this.limit = limit;
    this.done = [];
    this.undone = [];
  }

  get canUndo() {
    return this.done.length > 0;
  }

  get canRedo() {
    return this.undone.length > 0;
  }

  /** Do a step { apply, revert } and remember it; the oldest one is forgotten at the limit. */
  run(step) {
    step.apply();
    this.undone = [];
    this.done.push(step);
    if (this.done.length > this.limit) this.done.shift();
  }

  /** Take the last step back; false where there is none. */
  undo() {
    const step = this.done.pop();
    if (!step) return false;
    step.revert();
    this.undone.push(step);
    return true;
  }

  /** Do the step again that was undone last; false where there is none. */
  redo() {
    const step = this.undone.pop();
    if (!step) return false;
    step.apply();
    this.done.push(step);
    return true;
  }
}
