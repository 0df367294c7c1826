// Files that are seen and not taken yet show with why, and get a priority.
import assert from 'node:assert/strict';
import { accessible, browse, shoot, step } from './harness.mjs';

const waiting = async () => (await (await fetch(new URL('api/v1/waiting', process.env.PAGE_URL))).json()).files;

await browse(async (page) => {
  await page.getByText('There is no file yet.').waitFor();
  await step('drop', 'first.txt 10');
  await step('drop', 'second.txt');
  const list = page.getByRole('region', { name: 'List of what is not in work yet' });
  const row = (name) => list.locator('tr', { hasText: name });
  await row('first.txt').getByText('settling').waitFor();
  await row('second.txt').getByText('1.7 kB').waitFor();
  await row('second.txt').getByText((await waiting())[1].why.text).waitFor();
  await row('first.txt').getByText(/^[1-9]\d* s$/).waitFor(); // unchanged for
  await page.getByText('No file is in work yet.').waitFor();
  assert.equal(await page.getByText('There is no file yet.').count(), 0);
  await accessible(page, 'files that settle');
  await shoot(page, 'waiting');

  await page.getByRole('spinbutton', { name: 'priority of second.txt' }).fill('9');
  await page.getByRole('button', { name: 'Apply the priority of second.txt' }).click();
  await page.getByText('Priority of second.txt: 0 → 9').waitFor();
  assert.deepEqual((await waiting()).map((f) => f.priority), [0, 9]);

  await page.getByLabel('Name').fill('second');
  await row('first.txt').waitFor({ state: 'detached' });
  await row('second.txt').waitFor();
});
