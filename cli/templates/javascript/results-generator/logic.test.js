import assert from "node:assert/strict";
import { test } from "node:test";

import { Tally } from "./logic.js";

test("results are counted", () => {
  const tally = new Tally();
  tally.receive(false);
  assert.equal(tally.allFailed(), true);
  tally.receive(true);
  assert.equal(tally.allFailed(), false);
  assert.equal(tally.toJson(), '{"tasks": 2}');
});
