// What the handler does, without a host: `npm test` tests it.

import { Invalid, parse } from "./arguments.js";

/** The events that it handles. */
export const INTERESTS = ["_start_run", "_end_run"];

/** The arg `event`: what to fire when a run has ended. */
export function event(args) {
  const event = parse(args, ["event"]).event ?? undefined;
  if (event !== undefined && typeof event !== "string") {
    throw new Invalid("args: event: a text is needed");
  }
  return event;
}

/** The line of the log for an event. */
export function line(eventType, job, identity) {
  const does = eventType === "_start_run" ? "starts" : "ends";
  return `run of ${job} ${does} at ${identity}`;
}
