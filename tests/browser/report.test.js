// The pages of reports in headless Chromium: complete, correct, quiet, for everyone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';

import { browser, open, reports } from './pages.js';

const AXE = await readFile(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** The most that a count comes to. */
const MOST = 2 ** 64;

/** What no text may have: it hides, or turns the text around. */
const HIDDEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** How long a page may take until it is read, in ms: generous, for a machine that is busy. */
const OPEN = 5_000;

const components = (report) => report.places.flatMap((place) => place.components);
const sum = (numbers) => Math.min(numbers.reduce((sum, number) => sum + number, 0), MOST);
const left = (result) => !result.refused && (result.data || result.files.length > 0);

/** The sections that a report has. */
function sections(report) {
  const leaves = report.results.flatMap((result) => result.filters).flatMap((filter) => filter.leaves);
  const usage = components(report).map((component) => component.usage);
  const all = {
    verdict: true,
    cases: report.cases.length > 0,
    results: report.results.length > 0 || report.tasks.length > 0,
    filters: leaves.length > 0,
    timeline: report.timeline.length > 0,
    components: report.places.length > 0,
    storage: usage.some(({ stored, deleted }) => stored.length > 0 || deleted.length > 0),
  };
  return Object.keys(all).filter((id) => all[id]);
}

/** The figures of the first screen. */
function figures(report) {
  const usage = components(report).map((component) => component.usage);
  const failures = components(report).flatMap((component) => component.failures);
  const held = report.results.filter((result) => result.refused).length;
  return {
    ...(report.cases.length > 0 && {
      passed: report.cases.filter((one) => one.passed).length,
      failed: report.cases.filter((one) => !one.passed).length,
    }),
    components: components(report).length,
    left: report.results.filter(left).length,
    refused: held + failures.filter((failure) => failure.code === 'not-permitted').length,
    stored: sum(usage.flatMap(({ stored }) => stored.map(({ size }) => size))),
    deleted: sum(usage.flatMap(({ deleted }) => deleted.map(({ files }) => files))),
  };
}

/** The exact numbers behind those that an element shows. */
const values = (locator) => locator.evaluateAll((all) => all.map((data) => Number(data.value)));

/** What axe finds. */
async function found(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(' | ')}`);
}

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

for (const { name, report, url } of await reports()) {
  suite(name, () => {
    test('opens quickly and quietly, with every section', async (context) => {
      const { page, wrongs } = await open(chromium, url);
      const ids = await page.locator('main > section').evaluateAll((all) => all.map((section) => section.id));
      assert.deepEqual(ids, sections(report));
      const time = await page.evaluate(() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd);
      context.diagnostic(`${name} opened in ${Math.round(time)} ms`);
      assert.ok(time < OPEN, `${time} ms`);
      assert.deepEqual(wrongs, []);
      await page.close();
    });

    test('shows the numbers of the JSON', async () => {
      const { page } = await open(chromium, url);
      for (const [key, number] of Object.entries(figures(report))) {
        assert.deepEqual(await values(page.locator(`[data-figure="${key}"] data`)), [number], key);
      }
      const rows = page.locator('.overview tbody tr');
      const all = components(report);
      assert.equal(await rows.count(), all.length);
      for (const [index, { usage, failures }] of all.entries()) {
        const calls = sum(Object.values(usage['host-calls']));
        const { calls: own, seconds, 'peak-memory': memory, 'bytes-read': read, 'bytes-written': written } = usage;
        const expected = [own, seconds, memory, calls, read, written, failures.length];
        assert.deepEqual(await values(rows.nth(index).locator('data')), expected);
      }
      const limits = all.flatMap((component) => component.limits).filter((limit) => limit.used !== undefined);
      assert.equal(await page.locator('.limits tbody tr').count(), limits.length);
      for (const [index, { used, allowed, unit }] of limits.entries()) {
        const [shownUsed, shownAllowed] = await values(page.locator('.limits tbody tr').nth(index).locator('data'));
        const whole = (amount) => (unit === 'bytes' ? Math.trunc(Math.min(Math.max(amount, 0), MOST)) : amount);
        assert.deepEqual([shownUsed, shownAllowed], [used, allowed].map(whole));
      }
      const leaves = report.results.flatMap((result) => result.filters).flatMap((filter) => filter.leaves);
      for (const [index, { change, gauges }] of leaves.entries()) {
        const { zeroed, clipped, norm } = change?.all ?? { norm: {} };
        const told = Object.values(gauges).slice(0, 20);
        const expected = [zeroed, clipped, norm.before, norm.after, ...told].filter((number) => number != null);
        assert.deepEqual(await values(page.locator('.updates tbody tr').nth(index).locator('data')), expected);
      }
      await page.close();
    });

    test('takes every name as text', async () => {
      const { page, wrongs } = await open(chromium, url);
      const active = 'script, img, iframe, object, embed, link, form, base, style ~ style, [onerror], [onload]';
      assert.equal(await page.locator(active).count(), 0);
      const text = await page.evaluate(() => document.documentElement.textContent + document.title);
      assert.doesNotMatch(text.replaceAll('\n', ' '), HIDDEN);
      const policy = page.locator('meta[http-equiv="Content-Security-Policy"]');
      assert.match(await policy.getAttribute('content'), /^default-src 'none'; style-src 'unsafe-inline';/);
      assert.deepEqual(wrongs, []);
      await page.close();
    });

    for (const colorScheme of ['light', 'dark']) {
      test(`is for everyone, in ${colorScheme}`, async () => {
        const { page } = await open(chromium, url, { colorScheme });
        // Of a thousand rows, the first ones stand for all: axe looks at each element.
        await page.evaluate(() => {
          for (const details of document.querySelectorAll('details')) details.open = true;
          for (const row of document.querySelectorAll('tbody tr:nth-child(n+60)')) row.remove();
        });
        assert.deepEqual(await found(page), []);
        await page.close();
      });
    }

    test('fits a narrow screen', async () => {
      const { page } = await open(chromium, url, { viewport: { width: 360, height: 640 } });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
      await page.close();
    });

    test('can be used with the keyboard', async () => {
      const { page } = await open(chromium, url);
      const marks = await page.locator('.mark').count();
      let reached = false;
      for (let presses = 0; presses < 200 && marks > 0 && !reached; presses += 1) {
        await page.keyboard.press('Tab');
        reached = await page.evaluate(() => document.activeElement.matches('.mark'));
      }
      if (marks > 0) {
        assert.ok(reached, 'no mark of the timeline is reached');
        assert.ok(await page.locator('.mark:focus .tip').isVisible());
      }
      const details = page.locator('details:not([open])').first();
      if (await details.count() > 0) {
        await details.evaluate((closed) => closed.setAttribute('data-tested', ''));
        await page.locator('[data-tested] > summary').focus();
        await page.keyboard.press('Enter');
        assert.ok(await page.locator('[data-tested]').evaluate((opened) => opened.open));
      }
      await page.close();
    });

    test('is printed whole', async () => {
      const { page } = await open(chromium, url);
      await page.emulateMedia({ media: 'print' });
      const hidden = await page.locator('details > :not(summary)').evaluateAll((all) => {
        return all.filter((content) => !content.checkVisibility({ contentVisibilityAuto: true })).length;
      });
      assert.equal(hidden, 0);
      await page.close();
    });
  });
}
