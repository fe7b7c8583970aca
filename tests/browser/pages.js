// A browser, and the pages of reports that are opened in it.

import { accessSync, constants } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { chromium } from 'playwright-core';

/** Where NAME.json and NAME.html lie, as report/examples/render writes them. */
const REPORTS = process.env.FLIP_WASM_REPORTS ?? fileURLToPath(new URL('../../target/reports', import.meta.url));

/** Chromium as the system has it. */
function executable() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const candidates = folders.flatMap((folder) => ['chromium', 'chromium-browser'].map((name) => join(folder, name)));
  const found = candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (!found) throw new Error('chromium is not on the path; on Debian: apt-get install chromium');
  return found;
}

/** Chromium's own sandbox does not start for root. */
export function browser() {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: executable(), args });
}

/** The reports, each with what its JSON says. */
export async function reports() {
  const names = (await readdir(REPORTS)).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5));
  if (names.length === 0) throw new Error(`no reports in ${REPORTS}`);
  return Promise.all(names.sort().map(async (name) => {
    const report = JSON.parse(await readFile(join(REPORTS, `${name}.json`)));
    return { name, report, url: pathToFileURL(join(REPORTS, `${name}.html`)).href };
  }));
}

/** How long a page takes to open, in ms: until something is painted and until it is loaded, as the browser itself has
 * it, and until it is there by the clock. */
export async function opening(browser, url) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  const started = performance.now();
  await page.goto(url);
  const waited = performance.now() - started;
  const times = await page.evaluate(() => new Promise((resolve) => {
    const seen = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
    const look = () => {
      const [{ loadEventEnd: loaded }] = performance.getEntriesByType('navigation');
      if (seen() === undefined || loaded === 0) requestAnimationFrame(look);
      else resolve({ painted: seen(), loaded });
    };
    look();
  }));
  await page.close();
  return { ...times, waited };
}

/** A page that is open, with what it did that it should not. */
export async function open(browser, url, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, ...options });
  const wrongs = [];
  page.on('console', (message) => wrongs.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => wrongs.push(`error: ${error}`));
  page.on('dialog', (dialog) => { wrongs.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => { if (request.url() !== url) wrongs.push(`request: ${request.url()}`); });
  await page.goto(url);
  return { page, wrongs };
}
