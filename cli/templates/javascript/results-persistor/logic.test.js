import assert from "node:assert/strict";
import { test } from "node:test";

import { key } from "./logic.js";

test("the archive is called after the job", () => {
  assert.equal(key("job-1"), "job-1.zip");
});
