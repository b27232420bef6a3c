import { formatDuration } from "./duration.js";

/** A count-down that is asked for its label; `clock` returns seconds. */
export class Timer {
  constructor(total, clock) {
    this.total = total;
    this.clock = clock;
    this.startedAt = clock();
  }

  left() {
    return this.total - (this.clock() - this.startedAt);
  }

  label() {
    const left = this.left();
    return left <= 0 ? `over by ${formatDuration(-left)}` : `${formatDuration(left)} left`;
  }
}
