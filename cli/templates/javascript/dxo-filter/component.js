// my-component: what the host calls. What it does with numbers is in logic.js.

import { gauge } from "flip:fl/log@0.1.0";

import { Invalid } from "./arguments.js";
import { ELEMENT, WINDOW, clip, limit } from "./logic.js";

let clipAt = 0;

export const configurable = {
  configure(args) {
    try {
      clipAt = limit(args);
    } catch (error) {
      throw error instanceof Invalid ? { tag: "invalid-argument", val: error.message } : error;
    }
  },
};

export const dxoFilter = {
  dataKinds() {
    return ["weight-diff", "weights"];
  },

  processDxo(dxo, ctx) {
    let clipped = 0;
    for (const name of dxo.names()) {
      const tensor = dxo.tensor(name);
      if (tensor.dtype() === "float32") {
        clipped += clipTensor(tensor);
      }
      tensor[Symbol.dispose]();
    }
    gauge("clipped", clipped);
    return { tag: "filtered" };
  },
};

/** The tensor stays with the host: it is seen in windows. */
function clipTensor(tensor) {
  let clipped = 0;
  let start = 0n;
  for (;;) {
    const window = tensor.read(start, WINDOW);
    if (window.length === 0) {
      return clipped;
    }
    const count = clip(window, clipAt);
    if (count > 0) {
      tensor.write(start, window);
    }
    clipped += count;
    start += BigInt(window.length / ELEMENT);
  }
}
