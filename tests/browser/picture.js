// Pictures of a page, or of a part of it: node picture.js PAGE.html PICTURE.png [SELECTOR]. Without a selector, its first
// screens.

import { pathToFileURL } from 'node:url';

import { browser, open } from './pages.js';

const [page, picture, selector] = process.argv.slice(2);
const chromium = await browser();
const { page: opened } = await open(chromium, pathToFileURL(page).href, { viewport: { width: 1100, height: 2400 } });
const part = selector ? opened.locator(selector).first() : opened;
// Of what was stored and deleted, an example of each shows what was in it.
await opened.locator('#storage article details').evaluateAll((all) => all.slice(0, 2).forEach((one) => { one.open = true; }));
await part.screenshot({ path: picture });
await chromium.close();
