// Each standstill is named by the page with a link to its place, and what the page offers ends it.
import assert from 'node:assert/strict';
import { accessible, browse, step } from './harness.mjs';

await browse(async (page) => {
  const problem = (kind) => page.locator(`.problems li[data-kind=${kind}]`);
  const named = async (kind, since) => {
    await problem(kind).waitFor();
    console.log(`${kind} is named after ${((Date.now() - since) / 1000).toFixed(1)} s`);
  };
  const gone = (kind) => problem(kind).waitFor({ state: 'detached' });
  const press = (kind, name) => problem(kind).getByRole('button', { name, exact: true }).click();
  const command = (kind, start) => problem(kind).locator('.command code', { hasText: start }).first().textContent();
  const done = (file) => page.locator('tr', { hasText: file }).getByText('done', { exact: true }).waitFor();

  // No workers: the command starts one.
  let since = Date.now();
  await step('drop', 'none.txt 40');
  await named('no_workers', since);
  await step('command', (await command('no_workers', /worker --kafka-broker-address/)) + '\nworker w-1 --exec cat');
  await gone('no_workers');
  await done('none.txt');
  await step('kill', 'w-1');

  // A typo in the command: the page shows what the shell says, and leads to the worker.
  since = Date.now();
  await step('run', 'w-typo --exec prboe');
  await step('drop', 'typo.txt 40');
  await named('worker_unfit', since);
  await problem('worker_unfit').getByText('prboe: not found').waitFor();
  await accessible(page, 'a problem with its cures');
  await problem('worker_unfit').getByRole('link', { name: 'show w-typo' }).click();
  await page.getByRole('heading', { level: 1, name: 'w-typo' }).waitFor();
  await page.goBack();
  await step('kill', 'w-typo');
  await step('run', 'w-typo --exec cat');
  await gone('worker_unfit');
  await done('typo.txt');
  await step('kill', 'w-typo');

  // A hung command: the chunk is taken back.
  await step('run', 'w-hung --exec hangs');
  since = Date.now();
  await step('drop', 'hung.txt 400');
  await named('chunk_stalled', since);
  await step('touch', 'ok');
  await press('chunk_stalled', 'Stop it there and have it run again, by another worker if there is one');
  await gone('chunk_stalled');
  await done('hung.txt');
  await step('kill', 'w-hung');

  // A slow worker at the end of a file: it is drained, and its chunk goes to another one.
  await step('run', 'w-slow --each slow --jobs 1');
  since = Date.now();
  await step('drop', 'slow.txt 400');
  await page.locator('.tile.is-busy', { hasText: 'w-slow' }).waitFor();
  await step('run', 'w-fast --exec cat');
  await named('slow_tail', since);
  assert.match(await problem('slow_tail').textContent(), /w-slow/);
  await press('slow_tail', 'Give it nothing more');
  await press('slow_tail', 'Stop it there and have it run again, by another worker if there is one');
  await gone('slow_tail');
  await done('slow.txt');

  // A broker away.
  since = Date.now();
  await step('away');
  await named('kafka_unavailable', since);
  await problem('kafka_unavailable').getByRole('link', { name: 'show the cluster' }).waitFor();
  await step('back');
  await gone('kafka_unavailable');

  // A file that changes under way.
  await step('kill', 'w-fast');
  await step('run', 'w-steady --exec steady');
  await step('drop', 'changed.txt 1000');
  await page.locator('.tile.is-busy', { hasText: 'w-steady' }).waitFor();
  since = Date.now();
  await step('drop', 'changed.txt 300');
  await named('file_changed', since);
  await problem('file_changed').getByRole('link', { name: 'show changed.txt' }).waitFor();
  await press('file_changed', 'Take note of it, so that it is not shown any more');
  await gone('file_changed');
  await done('changed.txt');
});
