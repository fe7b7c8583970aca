import assert from "node:assert/strict";
import { test } from "node:test";

import { values } from "./logic.js";

test("a file holds whole values", () => {
  assert.deepEqual([values(8n), values(9n), values(0n)], [2n, undefined, 0n]);
});
