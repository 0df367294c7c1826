// Ten thousand files and a thousand workers, with hostile names.
import assert from 'node:assert/strict';
import { accessible, browse, open, step } from './harness.mjs';

const mostRows = 80;
const mostTiles = 200;

await browse(async (page) => {
  await page.getByText(/showing [\d,]+ of 10,000 files/).waitFor();
  await page.getByText(/showing [\d,]+ of 1,000 workers|1,000 workers/).waitFor();
  await accessible(page, 'a crowd');

  const rows = page.locator('[aria-label="List of files"] tbody tr:not(.space)');
  const tiles = page.locator('.tiles li');
  const bounded = async () => {
    const [r, t] = [await rows.count(), await tiles.count()];
    assert.ok(r > 0 && r <= mostRows, `${r} rows are drawn`);
    assert.ok(t > 0 && t <= mostTiles, `${t} tiles are drawn`);
  };
  await bounded();

  // Frames are measured while all of it changes and somebody scrolls.
  await page.evaluate(() => {
    globalThis.frames_ = [];
    let last = performance.now();
    const frame = (t) => { globalThis.frames_.push(t - last); last = t; globalThis.framing = requestAnimationFrame(frame); };
    globalThis.framing = requestAnimationFrame(frame);
  });
  const files = page.getByRole('region', { name: 'List of files' });
  for (let i = 1; i <= 12; i++) {
    await step('move');
    await files.evaluate((box) => box.scrollBy(0, 3000));
    await page.waitForFunction((least) => document.querySelectorAll('[aria-label="List of files"] tbody tr:not(.space)').length > 0 && Number(document.querySelector('[aria-label="List of files"] tbody tr:not(.space)').getAttribute('aria-rowindex')) > least, i * 10);
    await bounded();
  }
  await page.locator('.tile', { hasText: 'file_chunk_12' }).first().waitFor(); // the last change is shown
  const times = await page.evaluate(() => { cancelAnimationFrame(globalThis.framing); return globalThis.frames_.sort((a, b) => a - b); });
  const at = (q) => times[Math.floor((times.length - 1) * q)].toFixed(0);
  console.log(`frames while everything changes and the list is scrolled: ${times.length}, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, longest ${at(1)} ms`);

  // The last page can be reached.
  await page.getByLabel('Name').fill('file-00001');
  await page.getByRole('link', { name: 'file-00001.txt' }).waitFor();
  await page.getByText('1 file', { exact: true }).waitFor();
  await page.getByLabel('Name').fill('');

  // Hostile texts are texts, wherever they are shown.
  await open(page, '#/?state=failed', 'Overview');
  await page.getByRole('link', { name: '<img src=x onerror=alert(1)>' }).first().waitFor();
  await page.getByText('a?txt.exe').first().waitFor();
  assert.equal(await page.locator('main img, main script').count(), 0);
  await page.getByRole('link', { name: 'javascript:alert(1)' }).first().click();
  await page.getByRole('heading', { level: 1, name: 'javascript:alert(1)' }).waitFor();
  await open(page, '#/dead', 'Dead chunks');
  await page.getByText(/^7 chunks/).waitFor();
  assert.equal(await page.locator('main img, main script').count(), 0);
  await accessible(page, 'hostile dead chunks');

  // While nobody leads, the last picture stays, in grey, with the time since then.
  await open(page, '#/', 'Overview');
  await page.getByText(/of 10,000 files/).waitFor();
  await step('leaderless');
  await page.locator('header').getByText('no leader').waitFor();
  await page.locator('header').getByText(/for [1-9]\d* s/).waitFor();
  await page.locator('main.lost').getByText(/of 10,000 files/).waitFor();
  await step('lead');
  await page.locator('main:not(.lost)').waitFor();
  await page.locator('header').getByText('live', { exact: true }).waitFor();
}, { mayFail: (text) => /503|504/.test(text) });
