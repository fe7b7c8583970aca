// Components in Node: each is transpiled into a folder of its own and instantiated from there. For a browser
// the same files are made once, ahead of time, and getCoreModule compiles what it fetches.

import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { transpile, writeFiles } from '@bytecodealliance/jco-transpile';

/** What makes instances of the component in this file. */
export async function load(file) {
  const folder = await mkdtemp(join(tmpdir(), 'flip-wasm-'));
  const options = { name: 'component', instantiation: 'async', nodejsCompat: false, outDir: folder };
  const { files } = await transpile(file, options);
  await writeFiles(files);
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
  const { instantiate } = await import(pathToFileURL(join(folder, 'component.js')));
  const compile = async (name) => WebAssembly.compile(await readFile(join(folder, name)));
  return {
    folder,
    /** One that is configured; it must not be used further where it throws. */
    async instance(args, imports) {
      const component = await instantiate(compile, imports);
      component.configurable.configure(JSON.stringify(args));
      return component;
    },
  };
}
