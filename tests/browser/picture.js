// A picture of the first screens of a page: node picture.js PAGE.html PICTURE.png

import { pathToFileURL } from 'node:url';

import { browser, open } from './pages.js';

const [page, picture] = process.argv.slice(2);
const chromium = await browser();
const { page: opened } = await open(chromium, pathToFileURL(page).href, { viewport: { width: 1100, height: 2400 } });
await opened.screenshot({ path: picture });
await chromium.close();
