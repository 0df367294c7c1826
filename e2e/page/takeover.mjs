// The leader is killed while somebody looks: at a standby, at the leader, and through a proxy.
import assert from 'node:assert/strict';
import { accessible, browse, shoot, step } from './harness.mjs';

await browse(async (standby, tab) => {
  const leader = await tab(await step('leader'));
  const proxied = await tab(await step('proxy'));
  const all = [standby, leader, proxied];
  const header = (page, text) => page.locator('header').getByText(text).waitFor();
  const done = (page) => page.locator('.card', { hasText: 'Done' }).getByText(/ items$/).innerText();
  for (const page of all) {
    await header(page, 'live');
    await header(page, 'm1, term 1');
    await page.getByRole('link', { name: 'kept.txt' }).waitFor();
    await page.evaluate(() => { globalThis.sameDocument = true; });
  }
  await step('kill');
  await header(standby, 'no leader');
  await header(standby, /for [1-9]\d* s/);
  await header(leader, 'no answer');
  for (const page of [standby, leader]) {
    await page.locator('main.lost').getByRole('link', { name: 'kept.txt' }).waitFor(); // the last picture
  }
  await header(standby, 'last led by m1');
  await accessible(standby, 'without a leader');
  await shoot(standby, 'no-leader');

  // The standby leads, and what was open goes on; the other master comes back as a standby.
  for (const page of [standby, proxied]) {
    await header(page, 'm2, term 2');
    await header(page, 'live');
    await page.locator('main:not(.lost)').waitFor();
  }
  await header(leader, 'no answer');
  await step('start');
  await header(leader, 'm2, term 2');
  await header(leader, 'live');
  for (const page of all) {
    const before = await done(page);
    await page.waitForFunction((was) => [...document.querySelectorAll('.card')].find((c) => c.innerText.startsWith('Done')).innerText.includes(was) === false, before);
    assert.equal(await page.evaluate(() => globalThis.sameDocument), true);
  }
}, { mayFail: (text) => /Failed to load resource|ERR_/.test(text) });
