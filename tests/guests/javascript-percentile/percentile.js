// Truncation at a percentile, bit for bit as NumPy's.
//
// Every operation is done in float64 and rounded to the type that NumPy would do it in. For +, -, * and / of
// float16 and float32 that is the same as to round once.

/** From narrow to wide. */
const WIDTHS = ["float16", "float32", "float64"];

/** The type in which elements are computed and returned: their own for floats. */
export function computedAs(dtype) {
  return WIDTHS.includes(dtype) ? dtype : "float64";
}

export function wider(a, b) {
  return WIDTHS[Math.max(WIDTHS.indexOf(a), WIDTHS.indexOf(b))];
}

/** The nearest number of a type, ties to even. */
export function round(type, number) {
  switch (type) {
    case "float16":
      return toFloat16(number);
    case "float32":
      return Math.fround(number);
    default:
      return number;
  }
}

function toFloat16(number) {
  const magnitude = Math.abs(number);
  if (!(magnitude > 0 && magnitude < Infinity)) {
    return number;
  }
  if (magnitude >= 65520) {
    return Math.sign(number) * Infinity;
  }
  const unit = 2 ** (Math.max(exponent(magnitude), -14) - 10);
  // Adding and taking away 2^52 rounds to a whole number, ties to even.
  return Math.sign(number) * (magnitude / unit + 2 ** 52 - 2 ** 52) * unit;
}

const scratch = new DataView(new ArrayBuffer(8));

function exponent(number) {
  scratch.setFloat64(0, number);
  return ((scratch.getUint16(0) >> 4) & 0x7ff) - 1023;
}

/** How elements of a type are read and written: their size and functions of a DataView. */
const SIZES = { bool: 1, int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, int64: 8, uint64: 8, float16: 2, float32: 4, float64: 8 };

export function size(dtype) {
  return SIZES[dtype];
}

export function read(view, at, dtype) {
  switch (dtype) {
    case "bool":
    case "uint8":
      return view.getUint8(at);
    case "int8":
      return view.getInt8(at);
    case "int16":
      return view.getInt16(at, true);
    case "uint16":
      return view.getUint16(at, true);
    case "int32":
      return view.getInt32(at, true);
    case "uint32":
      return view.getUint32(at, true);
    case "int64":
      return Number(view.getBigInt64(at, true));
    case "uint64":
      return Number(view.getBigUint64(at, true));
    case "float16":
      return float16(view.getUint16(at, true));
    case "float32":
      return view.getFloat32(at, true);
    default:
      return view.getFloat64(at, true);
  }
}

export function write(view, at, type, number) {
  switch (type) {
    case "float16":
      return view.setUint16(at, float16Bits(number), true);
    case "float32":
      return view.setFloat32(at, number, true);
    default:
      return view.setFloat64(at, number, true);
  }
}

function float16(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const biased = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (biased === 0x1f) {
    return fraction ? NaN : sign * Infinity;
  }
  return sign * (biased ? 2 ** (biased - 25) * (fraction + 1024) : 2 ** -24 * fraction);
}

function float16Bits(number) {
  const sign = number < 0 || Object.is(number, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(number);
  if (Number.isNaN(number)) {
    return 0x7e00;
  }
  if (magnitude === Infinity) {
    return sign | 0x7c00;
  }
  if (magnitude < 2 ** -14) {
    return sign | (magnitude / 2 ** -24);
  }
  const power = exponent(magnitude);
  return sign | ((power + 15) << 10) | (magnitude / 2 ** (power - 10) - 1024);
}

/** Why these settings make no sense, if they do not. */
export function refusal({ percentile, gamma, steps }) {
  if (!(gamma > 0)) {
    return `gamma is ${gamma}, but must be positive`;
  }
  if (!(percentile >= 0 && percentile <= 100)) {
    return `percentile is ${percentile}, but must be from 0 to 100`;
  }
  if (!(steps > 0 && steps < Infinity)) {
    return `steps is ${steps}, but must be positive and finite`;
  }
  return undefined;
}

/** numpy.percentile with linear interpolation, in this type. */
export function cutoff(magnitudes, type, percentile) {
  if (magnitudes.some(Number.isNaN)) {
    return NaN;
  }
  const sorted = Float64Array.from(magnitudes).sort();
  const last = sorted.length - 1;
  const at = last * (percentile / 100);
  const below = at >= last ? sorted[last] : sorted[Math.floor(at)];
  const above = at >= last ? sorted[last] : sorted[Math.floor(at) + 1];
  const fraction = at >= last ? at + 1 : at - Math.floor(at);
  const difference = round(type, above - below);
  return fraction >= 0.5
    ? round(type, above - round(type, difference * round(type, 1 - fraction)))
    : round(type, below + round(type, difference * round(type, fraction)));
}

/** An element per step, zeroed or clipped. Every comparison is false for NaN, which thus passes. */
export function truncated(quotient, cutoff, gamma) {
  if (-cutoff < quotient && quotient < cutoff) {
    return 0;
  }
  return quotient < -gamma ? -gamma : gamma < quotient ? gamma : quotient;
}
