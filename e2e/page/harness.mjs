// A browser with the page, and what must hold on every page: no error in the console, nothing
// from outside, nothing that the policy of the page forbids.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const url = process.env.PAGE_URL;
const control = process.env.PAGE_CONTROL;
const shots = process.env.PAGE_SHOTS; // folder for screenshots, empty for none

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// step has the test that started this script do something, such as killing a master, and
// returns what it says.
export async function step(name, argument = '') {
  const answer = await fetch(`${control}/${name}`, { method: 'POST', body: argument });
  const text = await answer.text();
  assert.ok(answer.ok, `${name}: ${text}`);
  return text;
}

// browse opens the page and runs what to do with it. The second argument of test opens another
// address in a tab of its own.
export async function browse(test, { width = 1440, height = 900, scheme = 'light', mayFail = () => false, before = () => {} } = {}) {
  const browser = await chromium.launch({
    executablePath: process.env.PAGE_CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const errors = [];
  try {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, bypassCSP: false });
    const tab = async (address, prepare = () => {}) => {
      const page = await context.newPage();
      watch(page, address, errors, mayFail);
      await prepare(page);
      await page.goto(address);
      return page;
    };
    await test(await tab(url, before), tab);
    assert.deepEqual(errors, []);
  } catch (cause) {
    if (errors.length > 0) console.error(errors.join('\n'));
    throw cause;
  } finally {
    await browser.close();
  }
}

// watch collects what may not happen on a page.
function watch(page, address, errors, mayFail) {
  page.setDefaultTimeout(60_000); // for a hang: machines that test are slow
  page.on('console', (m) => { if (m.type() === 'error' && !mayFail(m.text(), m.location().url)) errors.push(`${m.text()} ${m.location().url}`); });
  page.on('pageerror', (e) => errors.push(e.stack));
  page.on('dialog', (d) => { errors.push(`a text ran as code: ${d.message()}`); d.dismiss(); });
  page.on('request', (r) => { if (!r.url().startsWith(new URL('.', address).href) && !r.url().startsWith('data:')) errors.push(`outside request ${r.url()}`); });
}

// open goes to a view of the page that is open already.
export async function open(page, hash, heading) {
  await page.evaluate((to) => { location.hash = to; }, hash);
  await page.getByRole('heading', { level: 1, name: heading }).waitFor({ state: 'attached' });
}

// accessible fails when axe-core finds anything that breaks WCAG 2.2 A or AA. Its code is run
// by the debugger, which the policy of the page does not concern.
export async function accessible(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  const found = violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.map((n) => '  ' + n.html.slice(0, 300) + '\n  ' + n.failureSummary).join('\n')}`);
  assert.deepEqual(found, [], where);
}

// shooting reports whether the test asks for screenshots.
export const shooting = Boolean(shots);

// shoot takes a screenshot, where the test asks for them.
export async function shoot(page, name) {
  if (shooting) await page.screenshot({ path: `${shots}/${name}.png` });
}

// shootAll takes three: light, dark and narrow.
export async function shootAll(page, name) {
  const size = page.viewportSize();
  await shoot(page, name + '-light');
  await page.emulateMedia({ colorScheme: 'dark' });
  await shoot(page, name + '-dark');
  await accessible(page, name + ', dark');
  await page.setViewportSize({ width: 420, height: 900 });
  await shoot(page, name + '-narrow');
  await accessible(page, name + ', dark and narrow');
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(size);
}
