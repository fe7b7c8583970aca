// The filters outside the runtime: jco's JavaScript and the host in host.js make of the recorded updates what
// the Python package makes of them, bit for bit.

import assert from 'node:assert/strict';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Dxo, FlContext, Tensor, filter, imports } from './host.js';
import { load } from './load.js';

/** What `cargo xtask dist` wrote. */
const DIST = process.env.FLIP_WASM_DIST ?? fileURLToPath(new URL('../../target/dist', import.meta.url));
const VECTORS = new URL('../fixtures/filter_vectors.json', import.meta.url);
const DTYPES = { '<f2': 'float16', '<f4': 'float32', '<f8': 'float64', '<i8': 'int64' };

const { cases } = JSON.parse(await readFile(VECTORS));
const context = new FlContext({ job: 'job', identity: 'site-1' });

function dxo(arrays, meta) {
  const tensors = Object.entries(arrays).map(([name, { dtype, shape, b64 }]) => {
    return [name, new Tensor(DTYPES[dtype], shape, Buffer.from(b64, 'base64'))];
  });
  return new Dxo('weight-diff', Object.fromEntries(tensors), meta);
}

function bits(dxo) {
  return dxo.names().map((name) => {
    const tensor = dxo.tensor(name);
    const bytes = tensor.read(0n, Number(tensor.len()));
    return { name, dtype: tensor.dtype(), shape: tensor.shape(), bytes: Buffer.from(bytes).toString('base64') };
  });
}

function quiet(gauges = {}) {
  return imports({ log: () => {}, gauge: (name, value) => { gauges[name] = value; } });
}

for (const [name, type, count] of [
  ['percentile-privacy', 'PercentilePrivacy', 75],
  ['stage-percentile-privacy', 'StagePercentilePrivacy', 25],
]) {
  suite(name, () => {
    let component;
    before(async () => { component = await load(join(DIST, `${name}.wasm`)); });
    after(() => rm(component.folder, { recursive: true }));

    test('is the Python filter bit for bit', async () => {
      const recorded = cases.filter((recorded) => recorded.class === type);
      assert.equal(recorded.length, count);
      for (const { percentile, gamma, num_steps: steps, stage, input, output } of recorded) {
        const instance = await component.instance({ percentile, gamma }, quiet());
        const update = dxo(input, { NUM_STEPS_CURRENT_ROUND: steps, ...(stage !== null && { stage }) });
        filter(instance, update, context);
        assert.deepEqual(bits(update), bits(dxo(output)));
      }
    });

    test('names an argument that it does not know', async () => {
      const unknown = (error) => error.tag === 'invalid-argument' && error.val.includes('percentil');
      await assert.rejects(component.instance({ percentil: 10 }, quiet()), unknown);
    });
  });
}

suite('a host in JavaScript', () => {
  let component;
  before(async () => { component = await load(join(DIST, 'percentile-privacy.wasm')); });
  after(() => rm(component.folder, { recursive: true }));

  test('filters a Float32Array where it is, and hears of it', async () => {
    const gauges = {};
    const instance = await component.instance({ percentile: 50, gamma: 2 }, quiet(gauges));
    const update = Float32Array.of(0.5, -1, 1.5, -4);
    const verdict = filter(instance, new Dxo('weight-diff', { w: new Tensor('float32', [4], update) }), context);
    assert.deepEqual(verdict, { tag: 'filtered' });
    assert.deepEqual(update, Float32Array.of(0, 0, 1.5, -2));
    assert.equal(gauges['zero-share'], 0.5);
  });

  test('lets nothing out that the filter refuses', async () => {
    const instance = await component.instance({ gamma: -1 }, quiet());
    const update = new Dxo('weight-diff', { w: new Tensor('float32', [2], Float32Array.of(1, 2)) });
    assert.throws(() => filter(instance, update, context), /refused: gamma is -1, but must be positive/);
  });

  test('leaves what is not of its kinds', async () => {
    const instance = await component.instance({}, quiet());
    assert.equal(filter(instance, new Dxo('metrics'), context).tag, 'unchanged');
  });

  test('passes an error on as the component gets it', () => {
    const missing = ({ payload }) => payload.tag === 'not-found' && payload.val === 'w';
    assert.throws(() => new Dxo('weights').tensor('w'), missing);
  });

  test('keeps what another dxo holds as it was', () => {
    const [one, other] = [new Dxo('weights', { w: new Tensor('int8', [1], Int8Array.of(1)) }), new Dxo('weights')];
    other.setTensor('w', one.tensor('w'));
    one.tensor('w').write(0n, Uint8Array.of(2));
    assert.deepEqual(one.tensor('w').read(0n, 9), Uint8Array.of(2));
    assert.deepEqual(other.tensor('w').read(0n, 9), Uint8Array.of(1));
  });
});
