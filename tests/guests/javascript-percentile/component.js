// PercentilePrivacy in JavaScript: what the host calls.

import { log } from "flip:fl/log@0.1.0";
import { Tensor } from "flip:fl/tensors@0.1.0";

import { computedAs, cutoff, read, refusal, round, size, truncated, wider, write } from "./percentile.js";

const STEPS = "NUM_STEPS_CURRENT_ROUND";
const WINDOW = 32 * 1024;

const settings = { percentile: 10, gamma: 0.01, off: false };

export const configurable = {
  configure(args) {
    for (const [name, value] of Object.entries(JSON.parse(args))) {
      if (!Object.hasOwn(settings, name) || typeof value !== typeof settings[name]) {
        throw { tag: "invalid-argument", val: `args: ${name}` };
      }
      settings[name] = value;
    }
  },
};

export const dxoFilter = {
  dataKinds() {
    return ["weight-diff", "weights"];
  },

  processDxo(dxo, ctx) {
    if (settings.off) {
      return { tag: "unchanged", val: "the filter is off" };
    }
    const steps = JSON.parse(dxo.meta(STEPS) ?? "1");
    const why = refusal({ ...settings, steps });
    if (why !== undefined) {
      return { tag: "refused", val: why };
    }
    const tensors = dxo.names().map((name) => quotients(name, dxo.tensor(name), steps));
    const magnitudes = tensors.flatMap(({ values }) => values.map(Math.abs));
    if (magnitudes.length === 0) {
      return { tag: "unchanged", val: "there are no elements" };
    }
    const widest = tensors.map(({ type }) => type).reduce(wider);
    const cut = cutoff(magnitudes, widest, settings.percentile);
    log("info", `cutoff ${cut} of |x| per step; steps ${steps}`);
    for (const tensor of tensors) {
      replace(dxo, tensor, cut, steps);
    }
    return { tag: "filtered" };
  },
};

/** The elements of a tensor per step, and the type that they are computed in. */
function quotients(name, tensor, steps) {
  const dtype = tensor.dtype();
  const type = computedAs(dtype);
  const by = round(type, steps);
  const values = [];
  for (;;) {
    const window = tensor.read(BigInt(values.length), WINDOW);
    if (window.length === 0) {
      return { name, tensor, dtype, type, values };
    }
    const view = new DataView(window.buffer, window.byteOffset, window.length);
    for (let at = 0; at < window.length; at += size(dtype)) {
      values.push(round(type, read(view, at, dtype) / by));
    }
  }
}

/** Floats keep their tensor; what was none becomes a new one. */
function replace(dxo, { name, tensor, dtype, type, values }, cut, steps) {
  const shape = tensor.shape();
  const gamma = round(type, settings.gamma);
  const by = round(type, steps);
  let target = tensor;
  if (dtype !== type) {
    dxo.setTensor(name, Tensor.create(type, shape));
    target = dxo.tensor(name);
  }
  for (let start = 0; start < values.length; start += WINDOW) {
    const window = values.slice(start, start + WINDOW);
    const bytes = new Uint8Array(window.length * size(type));
    const view = new DataView(bytes.buffer);
    window.forEach((value, at) => {
      // A single number is neither zeroed nor clipped.
      const shared = shape.length === 0 ? value : truncated(value, cut, gamma);
      write(view, at * size(type), type, round(type, shared * by));
    });
    target.write(BigInt(start), bytes);
  }
}
