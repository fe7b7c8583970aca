import assert from "node:assert/strict";
import { test } from "node:test";

import { answer } from "./logic.js";

test("elements are counted", () => {
  assert.deepEqual(answer("count", [4n, 3n]), { code: "ok", values: '{"elements": 7}' });
  assert.deepEqual(answer("count", undefined), { code: "bad-task-data" });
  assert.deepEqual(answer("train", []), { code: "task-unknown" });
});
