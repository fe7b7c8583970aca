// What the filter does, without a host: `npm test` tests it.

import { Invalid, parse } from "./arguments.js";

/** Elements of a tensor that are looked at together: 256 KiB. */
export const WINDOW = 64 * 1024;
/** The size of a float32 in bytes. */
export const ELEMENT = 4;

/** The arg `limit`. */
export function limit(args) {
  const { limit } = parse(args, ["limit"]);
  if (typeof limit !== "number" || !(limit > 0)) {
    throw new Invalid("args: limit: a number greater than 0 is needed");
  }
  return limit;
}

/** Clips the float32 values of a window to [-limit, limit]; returns how many were beyond. */
export function clip(window, limit) {
  const values = new Float32Array(window.buffer, window.byteOffset, window.length / ELEMENT);
  let clipped = 0;
  values.forEach((value, at) => {
    // False for NaN, which thus stays.
    if (value > limit || value < -limit) {
      values[at] = value > 0 ? limit : -limit;
      clipped += 1;
    }
  });
  return clipped;
}
