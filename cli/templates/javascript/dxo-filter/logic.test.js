import assert from "node:assert/strict";
import { test } from "node:test";

import { Invalid } from "./arguments.js";
import { clip, limit } from "./logic.js";

test("values beyond the limit are clipped", () => {
  const values = new Float32Array([0.5, -3, 2, 1]);
  assert.equal(clip(new Uint8Array(values.buffer), 1), 2);
  assert.deepEqual([...values], [0.5, -1, 1, 1]);
});

test("a limit is a positive number", () => {
  assert.equal(limit('{"limit": 2}'), 2);
  for (const args of ["[]", "{}", '{"limit": "high"}', '{"limit": 0}', '{"limit": 1, "limits": 1}']) {
    assert.throws(() => limit(args), Invalid);
  }
});
