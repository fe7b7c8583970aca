// my-component: what the host calls. What the archive is called is in logic.js.

import { clear } from "flip:fl/cleanup@0.1.0";
import { log } from "flip:fl/log@0.1.0";
import { putArchive } from "flip:fl/object-store@0.1.0";
import { open } from "flip:fl/storage@0.1.0";

import { Invalid, parse } from "./arguments.js";
import { key } from "./logic.js";

export const configurable = {
  configure(args) {
    try {
      parse(args, []);
    } catch (error) {
      throw error instanceof Invalid ? { tag: "invalid-argument", val: error.message } : error;
    }
  },
};

export const resultsPersistor = {
  execute(ctx) {
    upload(ctx);
    cleanup(ctx);
  },

  uploadResultsToS3Bucket: upload,
  cleanup,
};

function upload(ctx) {
  if (ctx.localDev()) {
    log("info", "local development: nothing is uploaded");
    return;
  }
  putArchive(key(ctx.jobId()), open("job"), "");
}

function cleanup(ctx) {
  if (ctx.localDev()) {
    log("info", "local development: nothing is deleted");
    return;
  }
  clear(open("images"));
}
