// Work in slices, so that a key press is never kept waiting; a new piece of work ends the one before.

const SLICE_MILLISECONDS = 8;

export class Background {
  constructor() {
    this.channel = new MessageChannel();
    this.channel.port1.onmessage = () => this.runSlice();
    this.work = null;
  }

  /** Run a generator to its end.
   *
   * @param work yields results
   * @param onResult called with each result at once
   * @param onSlice called after each slice, with true after the last one
   */
  start(work, onResult, onSlice) {
    Object.assign(this, { work, onResult, onSlice });
    this.channel.port2.postMessage(null);
  }

  stop() {
    this.work = null;
  }

  runSlice() {
    if (this.work === null) return;
    const until = performance.now() + SLICE_MILLISECONDS;
    let step;
    do {
      step = this.work.next();
      if (!step.done) this.onResult(step.value);
    } while (!step.done && performance.now() < until);
    if (step.done) {
      this.work = null;
      this.onSlice(true, step.value);
    } else {
      this.onSlice(false);
      this.channel.port2.postMessage(null);
    }
  }
}
