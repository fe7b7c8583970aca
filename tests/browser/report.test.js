// The pages of reports in headless Chromium: complete, correct, quiet, for everyone.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, suite, test } from 'node:test';

import { browser, open, opening, reports } from './pages.js';

const AXE = await readFile(new URL('./node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** The most that a count comes to. */
const MOST = 2 ** 64;

/** What no text may have: it hides, or turns the text around. */
const HIDDEN = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;

/** How long a page may take until it is there, in ms. */
const OPEN = 1_000;

/** The same by the clock on the wall, which other programs slow down too. */
const WAIT = 10_000;

const components = (report) => report.places.flatMap((place) => place.components);
const sum = (numbers) => Math.min(numbers.reduce((sum, number) => sum + number, 0), MOST);
const left = (result) => !result.refused && (result.data || result.files.length > 0);

/** The sections that each report has. */
const JOB = ['verdict', 'results', 'filters', 'timeline', 'components', 'storage'];
const SECTIONS = {
  filter: ['verdict', 'results', 'filters', 'timeline', 'components'],
  hostile: ['verdict', 'cases', 'results', 'filters', 'timeline', 'components', 'storage'],
  large: JOB,
  recorded: JOB,
  'recorded-refused': ['verdict', 'results', 'timeline', 'components', 'storage'],
  'refused-job': JOB,
  'standard-job': JOB,
  test: ['verdict', 'cases', 'components'],
};

/** The kinds of moments that are only counted, and their words on the page. */
const COUNTED = { event: 'event', task: 'task', filter: 'filter', file: 'file', other: 'something else' };

/** The rows that the page has room for. */
const ROWS = {
  results: 500, moments: 400, types: 60, tensors: 1_600, drawn: 60, objects: 200, cards: 80, requests: 60, lanes: 40,
};

/** What was refused: data on its way out or in, and calls, those that a component failed for and those that it went on
 * without. */
function refused(report) {
  const held = report.results.map((result) => result.refused).filter(Boolean);
  const keptOut = report.tasks.filter((task) => task['return-code'] === 'TASK_DATA_FILTER_ERROR');
  const calls = components(report).flatMap(({ id, failures, usage }) => {
    const notPermitted = failures.filter(({ code }) => code === 'not-permitted');
    const told = notPermitted.filter(({ error }) => held.some((why) => why.what === id && why.error === error));
    return [notPermitted.length - told.length, Math.max(usage.refusals - notPermitted.length, 0)];
  });
  return sum([held.length, keptOut.length, ...calls]);
}

/** The figures of the first screen. */
function figures(report) {
  const usage = components(report).map((component) => component.usage);
  return {
    ...(report.cases.length > 0 && {
      passed: report.cases.filter((one) => one.passed).length,
      failed: report.cases.filter((one) => !one.passed).length,
    }),
    components: components(report).length,
    left: report.results.filter(left).length,
    refused: refused(report),
    stored: sum(usage.flatMap((used) => [used['stored-besides']?.bytes ?? 0, ...used.stored.map(({ size }) => size)])),
    deleted: sum(usage.flatMap((used) => [used['deleted-besides']?.files ?? 0, ...used.deleted.map(({ files }) => files)])),
  };
}

/** The exact numbers behind those that an element shows. */
const values = (locator) => locator.evaluateAll((all) => all.map((data) => Number(data.value)));

/** The sizes of the files in a tree, of those that have a row. */
const entrySizes = (tree) => (tree?.entries ?? []).map(({ size }) => size).filter((size) => size !== undefined);

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
      assert.deepEqual(ids, SECTIONS[name]);
      assert.deepEqual(wrongs, []);
      await page.close();
      // The first of them was for the browser to warm up; of the others the best one counts. A machine that does something
      // else at the moment gets more of them.
      const times = [];
      const best = (key) => Math.min(...times.map((time) => time[key]));
      const isQuick = () => best('painted') < OPEN && best('loaded') < OPEN && best('waited') < WAIT;
      for (let again = 0; again < 3 || (again < 12 && !isQuick()); again += 1) {
        times.push(await opening(chromium, url));
      }
      context.diagnostic(`${name} was painted after ${Math.round(best('painted'))} ms, loaded after `
        + `${Math.round(best('loaded'))} ms, by the clock after ${Math.round(best('waited'))} ms`);
      assert.ok(isQuick(), JSON.stringify(times));
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
        const expected = [own, seconds, memory, calls, read, written, failures.length, usage.refusals];
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

    test('shows what left, what was stored and deleted, as the JSON has it', async () => {
      const { page } = await open(chromium, url);
      const results = page.locator('#results table').first().locator('tbody tr');
      const shown = report.results.slice(0, ROWS.results);
      assert.equal(await results.count(), shown.length);
      for (const [index, { data, files, refused }] of shown.entries()) {
        const sizes = files.map(({ size }) => size).filter((size) => size !== undefined);
        const expected = [...(data ? [data.tensors, data.bytes] : []), ...sizes];
        assert.deepEqual(await values(results.nth(index).locator('data')), expected);
        assert.equal(await results.nth(index).getByText('held back').count() > 0, refused !== undefined);
        const digests = [data?.sha256, ...files.map(({ sha256 }) => sha256)].filter((sha256) => /^[0-9a-f]{64}$/u.test(sha256));
        const told = await results.nth(index).locator('.digest').allTextContents();
        assert.deepEqual(told.filter((sha256) => /^[0-9a-f]{64}$/u.test(sha256)), digests);
      }
      const usage = components(report).map((component) => component.usage);
      const stored = usage.flatMap((used) => used.stored).slice(0, ROWS.objects);
      assert.equal(await page.locator('article.object').count(), stored.length);
      for (const [index, { size, files, bytes, content }] of stored.entries()) {
        const object = page.locator('article.object').nth(index);
        const whole = files !== undefined && bytes !== undefined ? [files, bytes] : [];
        assert.deepEqual(await values(object.locator('> p data')), [size, ...whole]);
        assert.deepEqual(await values(object.locator('details data')), entrySizes(content));
      }
      const deleted = usage.flatMap((used) => used.deleted).slice(0, ROWS.objects);
      assert.equal(await page.locator('article.deletion').count(), deleted.length);
      for (const [index, { files, directories, bytes, before, after }] of deleted.entries()) {
        const deletion = page.locator('article.deletion').nth(index);
        assert.deepEqual(await values(deletion.locator('> p data')), [files, directories, bytes]);
        assert.deepEqual(await values(deletion.locator('details data')), [...entrySizes(before), ...entrySizes(after)]);
      }
      await page.close();
    });

    test('shows each tensor of an update', async () => {
      const { page } = await open(chromium, url);
      const leaves = report.results.flatMap((result) => result.filters).flatMap((filter) => filter.leaves);
      const changes = leaves.map(({ change }) => change).filter(Boolean).slice(0, ROWS.drawn);
      const room = Math.floor(ROWS.tensors / Math.max(changes.length, 1));
      const expected = changes.flatMap(({ tensors }) => tensors.slice(0, room));
      const rows = await page.locator('.tensors tbody tr').evaluateAll((all) => all.map((row) => {
        const [name, elements] = [row.querySelector('th'), row.querySelector('td.number')];
        return [name.textContent.trim(), Number(elements.textContent.replace(/\D/gu, ''))];
      }));
      assert.deepEqual(rows.map(([, elements]) => elements), expected.map(({ change }) => change.elements));
      if (name !== 'hostile') assert.deepEqual(rows.map(([tensor]) => tensor), expected.map((tensor) => tensor.name));
      await page.close();
    });

    test('counts what happened, as the JSON has it', async () => {
      const { page } = await open(chromium, url);
      const times = new Map();
      for (const { kind, text, times: more } of report.timeline.filter((moment) => moment.kind in COUNTED)) {
        const key = JSON.stringify([COUNTED[kind], text]);
        times.set(key, sum([times.get(key) ?? 0, Math.max(more ?? 1, 1)]));
      }
      const counts = [...times.values()].sort((one, other) => other - one).slice(0, ROWS.types);
      assert.deepEqual(await values(page.locator('.counts tbody data')), counts);
      const notable = report.timeline.filter((moment) => !(moment.kind in COUNTED));
      const rows = page.locator('.moments tbody tr');
      assert.equal(await rows.count(), Math.min(notable.length, ROWS.moments));
      if (notable.length <= ROWS.moments) {
        const expected = notable.flatMap(({ at, times: more }) => (more > 1 ? [at, more] : [at]));
        assert.deepEqual(await values(rows.locator('data')), expected);
      }
      await page.close();
    });

    test('takes every name as text', async () => {
      const { page, wrongs } = await open(chromium, url);
      const active = 'script, img, iframe, object, embed, link, form, base, style ~ style, [onerror], [onload]';
      assert.equal(await page.locator(active).count(), 0);
      const text = await page.evaluate(() => document.documentElement.textContent + document.title);
      assert.doesNotMatch(text.replaceAll('\n', ' '), HIDDEN);
      // A name that is a tag is there to be read: of a component, a tensor, a place, an event.
      if (name === 'hostile') {
        await page.evaluate(() => { for (const details of document.querySelectorAll('details')) details.open = true; });
        for (const selector of ['.overview tbody th', '.tensors tbody th', '.lane-name', '.counts tbody tr']) {
          const seen = await page.locator(selector).evaluateAll((all) => all.map((element) => element.innerText).join(' '));
          assert.ok(seen.includes('<script>alert(1)</script>'), `${selector}: ${seen.slice(0, 200)}`);
        }
      }
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
      const width = () => page.evaluate(() => document.documentElement.scrollWidth);
      assert.equal(await width(), 360);
      for (const bar of [page.locator('.events i').first(), page.locator('.events i').last()]) {
        if (await bar.count() > 0) await bar.focus();
        assert.equal(await width(), 360);
      }
      await page.close();
    });

    test('shows what each component is, may do and called', async () => {
      const { page } = await open(chromium, url);
      const all = report.places.flatMap((place, at) => place.components.map((one, index) => [`#c-${at}-${index}`, one]));
      assert.equal(await page.locator('article.component').count(), Math.min(all.length, ROWS.cards));
      for (const [id, component] of all) {
        const card = page.locator(id);
        if (await card.count() > 0) {
          const badges = await card.locator('.badges > *').allTextContents();
          assert.deepEqual(
            ['built in', '✓ pinned', '! not pinned'].map((badge) => badges.includes(badge)),
            [component['built-in'], component.pinned, !component['built-in'] && !component.pinned],
          );
          const { sha256, requested, unasked = [] } = component;
          if (/^[0-9a-f]{64}$/u.test(sha256)) assert.equal(await card.locator('.identity .digest').textContent(), sha256);
          const lines = requested.slice(0, ROWS.requests).map(({ granted }) => granted.policy);
          const shown = await card.locator('.rights tbody tr').evaluateAll((rows) => rows.map((row) => {
            return row.querySelector('.grant')?.textContent;
          }));
          const expected = [...lines, ...unasked.slice(0, ROWS.requests)];
          const plain = (granted) => granted.map((line) => (name === 'hostile' ? line !== undefined : line));
          assert.deepEqual(plain(shown), plain(expected));
          const calls = Object.values(component.usage['host-calls']);
          const most = calls.filter((number) => number > 0).slice(0, 30);
          assert.deepEqual(await values(card.locator('.facts .wide data')), [sum(calls), ...most]);
        }
      }
      await page.close();
    });

    test('draws a lane for each place, and marks what a filter cut at', async () => {
      const { page } = await open(chromium, url);
      const places = new Set([...report.places, ...report.timeline].map((one) => one.place ?? one.name));
      const lanes = report.timeline.length > 0 ? Math.min(places.size, ROWS.lanes) : 0;
      assert.equal(await page.locator('.lane').count(), lanes);
      const marks = await page.locator('.mark').count();
      assert.equal(marks > 0, report.timeline.some(({ kind }) => kind !== 'event' && kind !== 'other'));
      const leaves = report.results.flatMap((result) => result.filters).flatMap((filter) => filter.leaves);
      const changes = leaves.map(({ change }) => change).filter(Boolean).slice(0, ROWS.drawn);
      for (const [index, { all }] of changes.entries()) {
        const update = page.locator('details.update').nth(index);
        for (const cut of ['cutoff', 'gamma']) {
          const marked = all.histogram && all[cut] > 0 && name !== 'hostile';
          if (marked) assert.match(await update.locator(`.line.${cut}`).textContent(), new RegExp(`^${cut} [0-9]`, 'u'));
        }
      }
      await page.close();
    });

    test('shows what is pointed at in the timeline', async () => {
      const { page } = await open(chromium, url);
      // One may lie over another: what is pointed at is the one on top.
      const onTop = (selector) => page.locator(selector).evaluateAll((all) => all.findIndex((mark) => {
        mark.scrollIntoView({ block: 'center', behavior: 'instant' });
        const { left, top, width, height } = mark.getBoundingClientRect();
        return mark.contains(document.elementFromPoint(left + width / 2, top + height / 2));
      }));
      for (const selector of ['.mark', '.events i']) {
        const all = page.locator(selector);
        if (await all.count() > 0) {
          const index = await onTop(selector);
          assert.ok(index >= 0, `each ${selector} is covered`);
          const mark = all.nth(index);
          const detail = () => mark.evaluate((pointed) => {
            const tip = pointed.querySelector('.tip');
            const { display, content } = getComputedStyle(tip ?? pointed, tip ? null : '::after');
            if (display === 'none' || content === 'none') return false;
            return tip ? [...tip.querySelectorAll('.line')].map((line) => line.textContent).join('; ') : content;
          });
          assert.equal(await detail(), false, selector);
          await mark.hover();
          const [shown, label] = [await detail(), await mark.getAttribute('aria-label')];
          const bare = (text) => text.replace(/["\\]/gu, '');
          assert.equal(bare(shown), bare(label));
          await page.mouse.move(0, 0);
          assert.equal(await detail(), false, selector);
        }
      }
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
      const bar = page.locator('.events i').last();
      if (await bar.count() > 0) {
        await bar.focus();
        const [label, content, display] = await bar.evaluate((focused) => {
          const shown = getComputedStyle(focused, '::after');
          return [focused.getAttribute('aria-label'), shown.content, shown.display];
        });
        // In the style it is a string, with quotes around it and signs before others.
        const bare = (text) => text.replace(/["\\]/gu, '');
        assert.equal(bare(content), bare(label));
        assert.notEqual(display, 'none');
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
      const bar = page.locator('.events i').first();
      if (await bar.count() > 0) {
        await bar.focus();
        assert.equal(await bar.evaluate((focused) => getComputedStyle(focused, '::after').display), 'none');
      }
      await page.close();
    });
  });
}
