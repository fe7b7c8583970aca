// my-component: what the host calls. How results are counted is in logic.js.

import { open } from "flip:fl/storage@0.1.0";

import { Invalid, parse } from "./arguments.js";
import { END, RECEIVED, RESULT, START, Tally } from "./logic.js";

let tally = new Tally();

export const configurable = {
  configure(args) {
    try {
      parse(args, []);
    } catch (error) {
      throw error instanceof Invalid ? { tag: "invalid-argument", val: error.message } : error;
    }
  },
};

export const resultsGenerator = {
  handleEvaluationEvent(eventType, ctx) {
    if (eventType === START) {
      tally = new Tally();
    } else if (eventType === RECEIVED) {
      tally.receive(ctx.shareable(RESULT)?.returnCode() === "ok");
    } else if (eventType === END) {
      const file = open("job").create("results.json");
      file.append(new TextEncoder().encode(tally.toJson()));
      file.commit();
    }
  },

  allTasksFailed() {
    return tally.allFailed();
  },
};
