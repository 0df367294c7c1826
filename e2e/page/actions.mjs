// Every action of the page, and what it shows afterwards.
import assert from 'node:assert/strict';
import { accessible, browse, open, shoot, shootAll, shooting, step } from './harness.mjs';

// crowd makes the pictures of the overview show more than one file.
async function crowd(page) {
  await step('drop', 'customers.txt 300');
  await step('drop', 'feed-eu.txt 60000');
  await step('drop', 'feed-us.txt 9000');
  await page.getByText(/^ends at/).waitFor();
  await page.getByRole('button', { name: 'Pause feed-us.txt' }).click();
  await page.locator('tr', { hasText: 'feed-us.txt' }).getByText('paused', { exact: true }).waitFor();
  await page.locator('tr', { hasText: 'customers.txt' }).getByText('done', { exact: true }).waitFor();
  await page.locator('.messages p').waitFor({ state: 'detached' });
}

// clear cancels what crowd has dropped.
async function clear() {
  for (const file of (await api('files?q=feed')).files) await fetch(new URL(`api/v1/files/${file.id}/cancel`, process.env.PAGE_URL), { method: 'POST' });
}

const api = async (path) => (await fetch(new URL('api/v1/' + path, process.env.PAGE_URL))).json();

await browse(async (page) => {
  const button = (name) => page.getByRole('button', { name, exact: true });
  const row = (text) => page.locator('tbody tr', { hasText: text });
  const confirm = async (action) => {
    await page.getByRole('dialog').getByRole('button', { name: action, exact: true }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  };
  const said = (text) => page.locator('.messages').getByText(text).first().waitFor();
  const state = (text) => page.getByRole('heading', { level: 1 }).getByText(text, { exact: true }).waitFor();

  await step('drop', 'slow.txt 20000');
  await page.getByRole('link', { name: 'slow.txt' }).waitFor();
  await step('worker', 'w-1');
  await step('worker', 'w-2');
  await page.locator('.tile.is-busy').nth(1).waitFor();
  if (shooting) await crowd(page);
  await shootAll(page, 'overview');
  if (shooting) await clear();

  // One place in time is shown in all plots.
  await page.locator('.plot').first().hover();
  await page.locator('figcaption', { hasText: /^\d\d:\d\d:\d\d/ }).nth(2).waitFor();

  // All hand-outs: pause, resume, rate.
  await button('Pause everything').click();
  await said('Paused.');
  await page.getByText(/^paused/).first().waitFor();
  await page.locator('.card', { hasText: 'Time left' }).getByText('everything is paused').waitFor();
  assert.equal((await api('dispatch')).paused, true);
  await accessible(page, 'everything paused');
  await button('Resume').click();
  await said('Chunks are handed out again.');
  await page.getByLabel(/^at most/).fill('400');
  await button('Apply').click();
  await page.getByText('at most 400 items per second').first().waitFor();
  assert.equal((await api('dispatch')).max_items_per_s, 400);
  await page.getByLabel(/^at most/).fill('0');
  await button('Apply').click();
  await page.getByText('as fast as workers take them').waitFor();

  // One file: pause, resume, priority, share, cancel.
  await row('slow.txt').getByRole('link', { name: 'slow.txt' }).click();
  await state('running');
  await button('Pause slow.txt').click();
  await state('paused');
  await open(page, '#/', 'Overview');
  await row('slow.txt').getByText(/^paused by 127/).waitFor(); // where the end would be
  const [cell, last] = await Promise.all([row('slow.txt').locator('td').last().boundingBox(), button('Cancel slow.txt').boundingBox()]);
  assert.ok(last.x + last.width <= cell.x + cell.width, 'a button is cut off');
  await page.goBack();
  await state('paused');
  await button('Resume slow.txt').click();
  await state('running');
  await page.getByLabel('Priority').fill('5');
  await button('Apply the priority').click();
  await said('Priority of slow.txt: 0 → 5');
  await page.getByLabel('Priority').fill('');
  await button('Apply the priority').click();
  await page.getByLabel('Share').fill('7');
  await button('Apply the share').click();
  await said('Share of slow.txt: 1 → 7');
  assert.equal((await api('files?q=slow')).files[0].priority, 5, 'an emptied field sets nothing');
  await page.getByLabel('List of chunks').getByText(/^(running|queued)$/).first().waitFor();
  await accessible(page, 'a running file');
  await shoot(page, 'file');
  await button('Cancel slow.txt').click();
  await accessible(page, 'the confirmation');
  await confirm('Keep everything as it is');
  await button('Cancel slow.txt').click();
  await confirm('Cancel the file');
  await said('Cancelled: slow.txt');
  await state('cancelled');

  // A worker: drain, resume.
  await open(page, '#/worker/w-2', 'w-2');
  await page.getByRole('heading', { name: 'Last attempts' }).waitFor();
  await row('slow').first().waitFor();
  await accessible(page, 'a worker');
  await shoot(page, 'worker');
  await button('Drain').click();
  await state('draining');
  await button('Resume').click();
  await page.getByRole('heading', { level: 1 }).getByText('draining').waitFor({ state: 'detached' });

  // Dead chunks: retry one of them, discard all that match.
  await step('bad', 'bad.txt 100');
  await open(page, '#/dead', 'Dead chunks');
  await page.getByText(/^5 chunks, 100 items/).waitFor();
  await page.getByRole('button', { name: 'exit status #' }).waitFor();
  await accessible(page, 'dead chunks');
  await shoot(page, 'dead');
  await page.getByRole('checkbox').first().check();
  await step('good');
  await button('Retry 1 chosen chunk').click();
  await confirm('Retry 1 chunk');
  await said('Retried: 1 chunk.');
  await page.getByText(/^4 chunks, 80 items/).waitFor();
  await page.getByRole('button', { name: 'exit status #' }).click();
  await button('Discard all 4 chunks that match').click();
  await confirm('Discard 4 chunks');
  await said('Discarded: 4 chunks.');
  await page.getByText('No chunk matches.').waitFor();

  // The settings that can be changed while the master runs, and who did.
  await open(page, '#/settings', 'Settings');
  await page.getByLabel('Batch size').fill('30');
  await button('Apply the batch size').click();
  await said('Batch size: 20 → 30');
  await page.getByLabel('Partitions').fill('5');
  await button('Apply the partitions').click();
  await said('Partitions: 4 → 5');
  await page.getByLabel('Log level').selectOption('debug');
  await button('Apply the log level').click();
  await said('Log level: default → debug');
  await page.getByLabel('List of changes').getByText('30', { exact: true }).first().waitFor();
  await accessible(page, 'settings');
  await shoot(page, 'settings');

  // A worker that is lost is forgotten.
  await step('kill', 'w-2');
  await open(page, '#/worker/w-2', 'w-2');
  await state('lost');
  await button('Forget').click();
  await confirm('Forget it');
  await said('Forgotten: w-2');
  await page.locator('.tile', { hasText: 'w-2' }).waitFor({ state: 'detached' });

  // Another term.
  await open(page, '#/cluster', 'Cluster');
  await page.getByLabel('List of masters').getByText('leader').waitFor();
  await page.locator('summary', { hasText: 'master-signal' }).click();
  await page.getByLabel('Partitions of master-signal').getByText('w-1').waitFor();
  await accessible(page, 'the cluster');
  await shoot(page, 'cluster');
  await button('Step down').click();
  await confirm('Step down');
  await page.getByText('term 2').waitFor();
}, { mayFail: (text, at) => /503|ERR_/.test(text) || /workers\/w-2$/.test(at) }); // the leader steps down; a worker is forgotten that a view still shows
