"use strict";

/** A walk through the museum. Stops in closed rooms are passed over. */
class Tour {
  constructor(title, stops) {
    this.title = title;
    this.stops = stops;
    this.closed = new Set();
    this.position = -1;
  }

  close(...rooms) {
    for (const room of rooms) this.closed.add(room);
    return this;
  }

  get current() {
    return this.stops[this.position] ?? null;
  }

  get finished() {
    return this.position >= this.stops.length;
  }

  /** Go to the next open stop and return it, or null at the end of the tour. */
  next() {
    if (this.finished) return null;
    this.position += 1;
    while (this.closed.has(this.stops[this.position].room)) {
      this.position += 1;
    }
    return this.current;
  }

  /** Go back to the open stop before; stay where it is if there is none. */
  back() {
    for (let index = this.position - 1; index >= 0; index--) {
      if (!this.closed.has(this.stops[index].room)) {
        this.position = index;
        break;
      }
    }
    return this.current;
  }

  /** Return the stops that are still to come. */
  ahead() {
    return this.stops.slice(this.position + 1).filter((stop) => !this.closed.has(stop.room));
  }
}

module.exports = { Tour };
