// What the generator does, without a host: `npm test` tests it.

/** A run starts. */
export const START = "_start_run";
/** The result of a task is there. */
export const RECEIVED = "_validation_result_received";
/** The run ends. */
export const END = "_end_run";
/** The property of the context that holds the result. */
export const RESULT = "_validation_result_";

/** The results so far. */
export class Tally {
  tasks = 0;
  successes = 0;

  /** Counts one result. */
  receive(success) {
    this.tasks += 1;
    this.successes += success ? 1 : 0;
  }

  allFailed() {
    return this.successes === 0;
  }

  /** The text of the results file. */
  toJson() {
    return `{"tasks": ${this.tasks}}`;
  }
}
