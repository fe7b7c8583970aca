import assert from "node:assert/strict";
import { test } from "node:test";

import { Invalid } from "./arguments.js";
import { event, line } from "./logic.js";

test("the line names job and site", () => {
  assert.equal(line("_start_run", "job-1", "site-1"), "run of job-1 starts at site-1");
  assert.equal(line("_end_run", "job-1", "site-1"), "run of job-1 ends at site-1");
});

test("an event is a text", () => {
  assert.equal(event("{}"), undefined);
  assert.equal(event('{"event": "done"}'), "done");
  assert.throws(() => event('{"event": 7}'), Invalid);
});
