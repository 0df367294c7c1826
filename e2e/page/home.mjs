// Somebody takes the results home: what the browser saves is what the master has.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { accessible, browse, open, step } from './harness.mjs';

const token = process.env.PAGE_TOKEN ?? '';

// saved clicks a link and returns the name and the content of what the browser saves.
async function saved(page, link) {
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
  return { name: download.suggestedFilename(), text: await readFile(await download.path(), 'utf8') };
}

await browse(async (page) => {
  if (token) {
    await page.getByRole('dialog').locator('input').fill(token);
    await page.keyboard.press('Enter');
  }
  // Before anything is merged, the page says what to do.
  await step('drop', 'slow.txt 20000');
  await page.getByRole('link', { name: 'slow.txt' }).click();
  await page.getByText('slow.txt has not ended').waitFor();
  assert.equal(await page.getByRole('link', { name: /jsonl/ }).count(), 0);
  await open(page, '#/', 'Overview');

  const name = 'größe 1%.txt';
  await step('mixed', name);
  await step('worker', 'w-1');
  await page.locator('tr', { hasText: name }).getByText('done with rejects').waitFor();
  await page.getByRole('link', { name, exact: true }).click();
  const home = page.getByRole('region', { name: 'Take it home' });
  await home.getByRole('link', { name: /\.summary\.json$/ }).waitFor();
  await accessible(page, 'downloads');
  const folder = await step('folder', name);
  for (const end of ['.jsonl', '.failed.jsonl', '.failed.txt', '.summary.json']) {
    const got = await saved(page, home.getByRole('link', { name: folder + end, exact: true }));
    assert.equal(got.name, folder + end);
    assert.equal(got.text, await step('result', folder + end));
    assert.ok(got.text.length > 0);
  }
  const log = await saved(page, home.getByRole('link', { name: folder + '.joblog.tsv' }));
  assert.match(log.text, /^Seq\tHost\tStarttime\t/);
  assert.equal(log.text.split('\n').length, 1 + 10 + 1);

  // From the list of files, and what is not there yet.
  await open(page, '#/', 'Overview');
  const row = page.locator('tr', { hasText: name });
  const got = await saved(page, row.getByRole('link', { name: 'Download the results of ' + name }));
  assert.equal(got.text, await step('result', folder + '.jsonl'));
  await step('unmerge', folder);
  await row.getByRole('link', { name: 'Download the results of ' + name }).click();
  await page.locator('.messages').getByText('is not here any more').waitFor();
}, { mayFail: (text) => token !== '' && /401/.test(text) }); // before the token is there
