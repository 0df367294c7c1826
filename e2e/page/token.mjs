// The token is asked for once, and kept for the tab.
import assert from 'node:assert/strict';
import { accessible, browse } from './harness.mjs';

// connected waits until the page is connected, and returns how.
const connected = async (page) => {
  const badge = page.locator('header .badge.is-live, header .badge.is-polling');
  await badge.waitFor();
  return badge.innerText();
};

// nothingToPress fails if there is a button that changes something.
const nothingToPress = async (page) => {
  await page.getByText('read only').waitFor();
  await page.getByText('Chunks are handed out').waitFor();
  assert.deepEqual(await page.locator('main button').evaluateAll((all) => all.map((b) => b.innerText).filter((text) => !/^(Copy|5 minutes|1 hour|24 hours)$/.test(text))), []);
};

await browse(async (page) => {
  const dialog = page.getByRole('dialog', { name: 'This master asks for a token' });
  await dialog.waitFor();
  await accessible(page, 'the question for the token');
  await dialog.getByRole('textbox').or(dialog.locator('input')).first().fill('wrong');
  await page.keyboard.press('Enter');
  await dialog.getByText('The token was refused.').waitFor();
  await page.clock.runFor(60_000); // whoever looks for the token may take long
  await dialog.locator('input').fill('secret');
  await page.keyboard.press('Enter');
  assert.equal(await connected(page), 'live');
  await page.getByText('term 1').waitFor();
  await page.reload();
  await page.getByText('term 1').waitFor();
  assert.equal(await dialog.count(), 0);
  await page.getByRole('button', { name: 'Pause everything' }).waitFor();

  // With the token that only reads there is nothing to press.
  await page.evaluate(() => sessionStorage.clear());
  await page.reload();
  await dialog.locator('input').fill('look');
  await page.keyboard.press('Enter');
  await nothingToPress(page);
  await accessible(page, 'read only');
  assert.equal(await connected(page), 'live');

  // Nor where no events arrive.
  await page.route('**/api/v1/events', (route) => route.abort());
  await page.reload();
  assert.equal(await connected(page), 'polling');
  await nothingToPress(page);
}, { mayFail: (text) => /401|ERR_FAILED/.test(text), before: (page) => page.clock.install() });
