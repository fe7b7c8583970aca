// What the locator does, without a host: `npm test` tests it.

/** The one model. */
export const MODEL = "best";
/** Its file: float32 values, little-endian, and nothing else. */
export const FILE = "best.f32";
/** What its tensor is called. */
export const TENSOR = "weights";

/** The number of values in a file of this size; none where it is no whole number. */
export function values(size) {
  return size % 4n === 0n ? size / 4n : undefined;
}
