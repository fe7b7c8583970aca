// my-component: what the host calls. How tasks are answered is in logic.js.

import { Dxo } from "flip:fl/exchange@0.1.0";

import { Invalid, parse } from "./arguments.js";
import { answer } from "./logic.js";

export const configurable = {
  configure(args) {
    try {
      parse(args, []);
    } catch (error) {
      throw error instanceof Invalid ? { tag: "invalid-argument", val: error.message } : error;
    }
  },
};

export const executor = {
  execute(task, data, ctx) {
    const dxo = data.dxo();
    const { code, values } = answer(task, dxo === undefined ? undefined : lens(dxo));
    let metrics;
    if (values !== undefined) {
      metrics = Dxo.create("metrics");
      metrics.setValues(values);
    }
    return { code, headers: [], dxo: metrics };
  },
};

/** The numbers of elements of a dxo's tensors. */
function lens(dxo) {
  return dxo.names().map((name) => dxo.tensor(name).len());
}
