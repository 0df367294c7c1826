// A tab that nobody sees asks nothing, and goes on when it is looked at.
import assert from 'node:assert/strict';
import { browse, step } from './harness.mjs';

await browse(async (page) => {
  let asked = 0;
  page.on('request', () => { asked++; });
  const look = (state) => page.evaluate((to) => {
    Object.defineProperty(document, 'visibilityState', { get: () => to, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  }, state);
  await page.getByText(/of 10,000 files/).waitFor();
  await look('hidden');
  await page.clock.runFor(10_000); // what was on its way arrives
  const before = asked;
  await page.clock.runFor(120_000);
  assert.equal(asked, before);
  await step('move');
  await look('visible');
  await page.clock.runFor(100);
  await page.locator('.tile', { hasText: 'file_chunk_1' }).first().waitFor();
  await page.clock.runFor(1000);
  await page.locator('header').getByText('live', { exact: true }).waitFor();

  // A page that is held asks nothing either, and shows the same.
  await page.getByRole('button', { name: 'Hold' }).click();
  await page.locator('header').getByText('held', { exact: true }).waitFor();
  await page.clock.runFor(10_000);
  const then = asked;
  await step('move');
  await page.clock.runFor(120_000);
  assert.equal(asked, then);
  await page.locator('.tile', { hasText: 'file_chunk_1' }).first().waitFor();
  await page.getByRole('button', { name: 'Go on' }).click();
  await page.clock.runFor(100);
  await page.locator('.tile', { hasText: 'file_chunk_2' }).first().waitFor();
}, { before: (page) => page.clock.install() });
