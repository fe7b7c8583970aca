// my-component: what the host calls. What a file holds is in logic.js.

import { Dxo } from "flip:fl/exchange@0.1.0";
import { log } from "flip:fl/log@0.1.0";
import { open } from "flip:fl/storage@0.1.0";

import { Invalid, parse } from "./arguments.js";
import { FILE, MODEL, TENSOR, values } from "./logic.js";

export const configurable = {
  configure(args) {
    try {
      parse(args, []);
    } catch (error) {
      throw error instanceof Invalid ? { tag: "invalid-argument", val: error.message } : error;
    }
  },
};

export const modelLocator = {
  modelNames(ctx) {
    return [MODEL];
  },

  locateModel(name, ctx) {
    if (name !== MODEL) {
      return undefined;
    }
    const job = open("job");
    let size;
    try {
      ({ size } = job.stat(FILE));
    } catch (error) {
      if (error.payload?.tag === "not-found") {
        return undefined;
      }
      throw error;
    }
    return model(job, size);
  },
};

function model(job, size) {
  const count = values(size);
  if (count === undefined) {
    log("error", `${FILE}: ${size} bytes are no whole number of float32 values`);
    return undefined;
  }
  const dxo = Dxo.create("weights");
  // Nothing is copied: the host reads the file when the tensor is read.
  dxo.setTensor(TENSOR, job.tensor(FILE, 0n, "float32", [count]));
  return dxo;
}
