// A host for components of the WIT package flip:fl, for a browser or Node: what a filter imports, over typed
// arrays. It is small to be read: it has no quotas, no deadlines and no policy, as the runtime in this
// repository has, and is for components that one trusts.

/** The types of elements, by NumPy's names, and the bytes that one takes. */
const WIDTHS = {
  bool: 1, int8: 1, uint8: 1, int16: 2, uint16: 2, int32: 4, uint32: 4, int64: 8, uint64: 8,
  float16: 2, bfloat16: 2, float32: 4, float64: 8,
};

const TENSORS = ['weights', 'weight-diff'];

/** An `error` of flip:fl: jco hands the payload to the component. */
class Failure extends Error {
  constructor(tag, val) {
    super(`${tag}: ${val}`);
    this.payload = { tag, val };
  }
}

function found(map, name) {
  if (!map.has(name)) throw new Failure('not-found', name);
  return map.get(name);
}

function json(text) {
  try {
    JSON.parse(text);
  } catch (error) {
    throw new Failure('invalid-argument', error.message);
  }
  return text;
}

/** Elements of one type, in any typed array that has their bytes: little-endian, as WebAssembly itself. */
export class Tensor {
  #dtype; #shape; #bytes;

  constructor(dtype, shape, array) {
    this.#dtype = dtype;
    this.#shape = shape;
    this.#bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
    const size = Number(this.len()) * WIDTHS[dtype];
    if (this.#bytes.length !== size) throw new RangeError(`not of shape ${shape}`);
  }

  static create(dtype, shape) {
    if (shape.length > 32) throw new Failure('invalid-argument', 'more than 32 dimensions');
    const size = shape.reduce((size, length) => size * BigInt(length), BigInt(WIDTHS[dtype]));
    if (size >= 1n << 63n) throw new Failure('invalid-argument', 'more than 2^63 - 1 bytes');
    try {
      return new Tensor(dtype, shape, new Uint8Array(Number(size)));
    } catch {
      throw new Failure('quota-exceeded', `${size} bytes are more than an array can have`);
    }
  }

  dtype() { return this.#dtype; }
  shape() { return BigUint64Array.from(this.#shape, BigInt); }
  len() { return this.shape().reduce((size, length) => size * length, 1n); }

  read(start, count) {
    const width = WIDTHS[this.#dtype];
    if (start >= this.len()) return new Uint8Array();
    const first = Number(start) * width;
    return this.#bytes.subarray(first, first + count * width);
  }

  write(start, bytes) {
    const width = BigInt(WIDTHS[this.#dtype]);
    const [first, length] = [start * width, BigInt(bytes.length)];
    if (length % width !== 0n || first + length > BigInt(this.#bytes.length)) {
      throw new Failure('invalid-argument', `${length} bytes from element ${start}`);
    }
    this.#bytes.set(bytes, Number(first));
  }

  /** The same elements as another object: what a component drops must not take along what it still has. */
  handle() { return new Tensor(this.#dtype, this.#shape, this.#bytes); }
  copy() { return new Tensor(this.#dtype, this.#shape, this.#bytes.slice()); }
}

/** NVFLARE's DXO: data of one kind, in the order of insertion. */
export class Dxo {
  #kind; #meta = new Map(); #tensors = new Map(); #members = new Map(); #values = '{}';

  constructor(kind, tensors = {}, meta = {}) {
    this.#kind = kind;
    for (const [name, tensor] of Object.entries(tensors)) this.#tensors.set(name, tensor);
    for (const [key, value] of Object.entries(meta)) this.#meta.set(key, JSON.stringify(value));
  }

  static create(kind) { return new Dxo(kind); }

  kind() { return this.#kind; }
  meta(key) { return this.#meta.get(key); }
  setMeta(key, value) { this.#meta.set(key, json(value)); }

  names() { return [...this.#tensors.keys()]; }
  tensor(name) { return found(this.#tensors, name).handle(); }
  setTensor(name, value) {
    this.#needs(TENSORS.includes(this.#kind), 'tensors');
    // Another dxo may hold the same elements.
    this.#tensors.set(name, value.copy());
  }

  values() {
    if (!this.#plain()) throw new Failure('not-found', `${this.#kind} has no plain values`);
    return this.#values;
  }
  setValues(values) {
    this.#needs(this.#plain(), 'plain values');
    this.#values = json(values);
  }

  members() { return [...this.#members.keys()]; }
  member(name) { return found(this.#members, name).copy(); }
  setMember(name, value) {
    this.#needs(this.#kind === 'collection' && value.depth() < 16, 'such a member');
    this.#members.set(name, value.copy());
  }

  depth() { return 1 + Math.max(0, ...[...this.#members.values()].map((member) => member.depth())); }

  copy() {
    const copy = new Dxo(this.#kind);
    copy.#values = this.#values;
    copy.#meta = new Map(this.#meta);
    for (const [name, tensor] of this.#tensors) copy.#tensors.set(name, tensor.copy());
    for (const [name, member] of this.#members) copy.#members.set(name, member.copy());
    return copy;
  }

  #plain() { return this.#kind !== 'collection' && !TENSORS.includes(this.#kind); }
  #needs(held, what) {
    if (!held) throw new Failure('invalid-argument', `${this.#kind} takes no ${what}`);
  }
}

/** NVFLARE's Shareable: a task's data or its result. */
export class Shareable {
  #code; #headers; #dxo;

  constructor({ code = 'ok', headers = {}, dxo } = {}) {
    [this.#code, this.#headers, this.#dxo] = [code, new Map(Object.entries(headers)), dxo];
  }

  returnCode() { return this.#code; }
  header(key) { return this.#headers.has(key) ? JSON.stringify(this.#headers.get(key)) : undefined; }
  dxo() { return this.#dxo?.copy(); }
}

/** NVFLARE's FLContext, as far as a component may see it; `signal` is an AbortSignal. */
export class FlContext {
  #run;

  constructor({ job, identity, peer, localDev = false, props = {}, shareables = {}, signal } = {}) {
    this.#run = { job, identity, peer, localDev, props, shareables, signal };
  }

  jobId() { return this.#run.job ?? ''; }
  identity() { return this.#run.identity ?? ''; }
  peerIdentity() { return this.#run.peer; }
  localDev() { return this.#run.localDev; }
  prop(key) { return Object.hasOwn(this.#run.props, key) ? JSON.stringify(this.#run.props[key]) : undefined; }
  shareable(key) {
    return Object.hasOwn(this.#run.shareables, key) ? new Shareable(this.#run.shareables[key]) : undefined;
  }
  aborted() { return this.#run.signal?.aborted ?? false; }
}

function print(level, message) { console.error(`${level}: ${message}`); }

/** What a component that was transpiled with jco is instantiated with. */
export function imports({ log = print, gauge = () => {} } = {}) {
  return {
    'flip:fl/log': { log, gauge },
    'flip:fl/context': { FlContext },
    'flip:fl/exchange': { Dxo, Shareable },
    'flip:fl/tensors': { Tensor },
  };
}

/** Filters a dxo in place. Where this throws, nothing of it may leave the site. */
export function filter({ dxoFilter }, dxo, context) {
  const kinds = dxoFilter.dataKinds();
  if (kinds.length > 0 && !kinds.includes(dxo.kind())) return { tag: 'unchanged', val: 'not of its kinds' };
  const verdict = dxoFilter.processDxo(dxo, context);
  if (verdict.tag === 'refused') throw new Error(`refused: ${verdict.val}`);
  return verdict;
}
