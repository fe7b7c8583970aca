// my-component: what the host calls. What is said and fired is in logic.js.

import { fire } from "flip:fl/events@0.1.0";
import { log } from "flip:fl/log@0.1.0";

import { Invalid } from "./arguments.js";
import { INTERESTS, event, line } from "./logic.js";

let fires;

export const configurable = {
  configure(args) {
    try {
      fires = event(args);
    } catch (error) {
      throw error instanceof Invalid ? { tag: "invalid-argument", val: error.message } : error;
    }
  },
};

export const eventHandler = {
  interests() {
    return INTERESTS;
  },

  handleEvent(eventType, ctx) {
    log("info", line(eventType, ctx.jobId(), ctx.identity()));
    if (eventType === "_end_run" && fires !== undefined) {
      fire(fires);
    }
  },
};
