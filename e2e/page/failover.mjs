// The master is killed while somebody looks: the last picture stays, greyed, and goes on when
// a master leads again.
import assert from 'node:assert/strict';
import { accessible, browse, step } from './harness.mjs';

await browse(async (page) => {
  await page.getByRole('link', { name: 'kept.txt' }).waitFor();
  await page.getByText('term 1').waitFor();
  await page.evaluate(() => { globalThis.sameDocument = true; });
  await step('kill');
  await page.locator('header').getByText('no answer').waitFor();
  await page.locator('main.lost').waitFor();
  await page.getByRole('link', { name: 'kept.txt' }).waitFor(); // the last picture
  await accessible(page, 'without a master');
  await step('start');
  await page.getByText('term 2').waitFor();
  await page.locator('main:not(.lost)').waitFor();
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
}, { mayFail: (text) => /Failed to load resource|ERR_/.test(text) });
