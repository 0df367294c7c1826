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
  await page.getByText('showing 100 of 52,000 chunks').waitFor();
  assert.equal(await page.locator('main img, main script').count(), 0);
  await accessible(page, 'hostile dead chunks');

  // A long list of dead chunks is grouped, and all of an error can be read.
  await page.getByLabel('List of errors').getByText('49,991').first().waitFor();
  await page.getByRole('button', { name: 'Retry all 52,000 chunks' }).waitFor();
  await page.getByLabel('List of dead chunks').getByRole('button', { name: "';alert(1);//" }).first().click();
  const details = page.getByRole('dialog', { name: "';alert(1);//" });
  await details.getByText('21–30').waitFor();
  await accessible(page, 'a dead chunk');
  await details.getByRole('button', { name: 'Close' }).click();
  await page.getByRole('searchbox', { name: 'Error' }).fill('timed out');
  await page.getByText('showing 100 of 2,000 chunks').waitFor();

  // The strip shows every chunk, on however many pages of the list it is.
  await open(page, '#/file/2', 'file-00002.txt');
  await page.locator('.strip').getByText('dead 2,000').waitFor();
  const strip = page.locator('.strip canvas');
  const { width } = await strip.boundingBox();
  for (const [share, text] of [[0.25, /^At 2\d\d kB: \d+ chunks that are not done, such as timed out: dead at timed out, attempt 3: timed out$/], [0.75, /^At 7\d\d kB: not handed out yet$/]]) {
    await strip.hover({ position: { x: Math.round(width * share), y: 10 } });
    await page.locator('.strip').getByText(text).waitFor();
  }

  // Whatever the width, names can be read, in long lists as well, and nothing is wider than the screen.
  const long = 'w'.repeat(255);
  const worker = '0 ' + 'w'.repeat(126);
  for (const width of [320, 390, 600, 700, 1000, 1024, 1300, 1440]) {
    await page.setViewportSize({ width, height: 844 });
    for (const [hash, heading, lists] of [
      ['#/', 'Overview', ['List of files', 'List of what is not in work yet']], ['#/dead', 'Dead chunks', ['List of dead chunks']], ['#/file/2', 'file-00002.txt', ['List of chunks']],
      ['#/file/9999', long, []], ['#/worker/' + encodeURIComponent(worker), worker, ['List of attempts']],
    ]) {
      await open(page, hash, heading);
      for (const list of lists) {
        const region = page.getByRole('region', { name: list, exact: true });
        await region.locator('tbody tr:not(.space) td').first().waitFor();
        const thin = await region.evaluate((box) => [...box.querySelectorAll('th')].filter((th) => th.offsetWidth > 0 && (th.scrollWidth > th.clientWidth || (th.matches('.grow, .w-file') && th.offsetWidth < 60))).map((th) => th.innerText));
        assert.deepEqual(thin, [], `${list}, ${width} wide`);
      }
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, `${hash}, ${width} wide`);
    }
    if (width === 390) await accessible(page, 'narrow');
  }
  await page.setViewportSize({ width: 1440, height: 900 });

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
