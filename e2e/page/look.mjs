// Somebody opens the page of a master that has nothing, and watches work arrive and end.
import assert from 'node:assert/strict';
import { accessible, browse, open, step } from './harness.mjs';

await browse(async (page) => {
  // An empty deployment says what to do next.
  await page.getByText('There is no file yet.').waitFor();
  await page.getByText('There is no worker.').waitFor();
  await page.locator('.command code', { hasText: /^kafka-master generate / }).first().waitFor();
  await page.locator('.command code', { hasText: /^\S.* worker --kafka-broker-address 127/ }).first().waitFor();
  await accessible(page, 'an empty overview');

  // Work and a worker arrive without a reload.
  await page.locator('header').getByText('live', { exact: true }).waitFor();
  await page.evaluate(() => { globalThis.sameDocument = true; });
  await step('drop', 'first.txt');
  await page.getByRole('link', { name: 'first.txt' }).waitFor();
  await page.getByText('no workers').waitFor(); // the problem, with its cure
  await step('worker', 'w-1');
  await page.locator('.tile', { hasText: 'w-1' }).waitFor();
  await page.getByText('no workers').waitFor({ state: 'detached' });
  await page.locator('tr', { hasText: 'first.txt' }).getByText('done', { exact: true }).waitFor();
  assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  await accessible(page, 'overview');

  await page.getByLabel('List of events').getByText('first.txt').first().waitFor();

  // A file whose name is markup is a name like any other.
  await step('drop', '<img src=x onerror=alert(1)>.txt');
  await page.getByRole('link', { name: '<img src=x onerror=alert(1)>.txt' }).click();
  await page.getByRole('heading', { level: 1, name: '<img src=x' }).waitFor();
  assert.equal(await page.locator('main img').count(), 0);
  await page.getByText("kafka-master verify '<img src=x onerror=alert(1)>.txt'").waitFor();
  await accessible(page, 'a file');

  // The keys.
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Help' }).waitFor();
  await accessible(page, 'help');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  await page.keyboard.press('d');
  await page.getByText('No chunk is dead.').waitFor();
  await page.keyboard.press('o');
  await page.getByRole('heading', { name: 'Files' }).waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('first');
  await page.getByText('1 file', { exact: true }).waitFor();
  assert.equal(await page.locator('tbody tr', { hasText: '.txt' }).count(), 1);

  for (const [hash, name] of [['#/dead', 'Dead chunks'], ['#/failed', 'Failed items'], ['#/cluster', 'Cluster'], ['#/settings', 'Settings'], ['#/worker/w-1', 'w-1'], ['#/nowhere', 'Nothing is here']]) {
    await open(page, hash, name);
    await accessible(page, hash);
  }
});
