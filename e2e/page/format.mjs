// How the page shows numbers and times, and quotes names for a shell.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { bytes, count, duration, percent, plain, progress, quoted, rate } from '../../web/js/format.js';
import { lanes } from '../../web/js/lanes_layout.js';

for (const [got, want] of [
  [count(1234567), '1,234,567'], [count(null), '–'], [rate(4.25), '4.3'], [rate(4811.6), '4,812'], [rate(0), '0'],
  [percent(0.6134), '61.3 %'], [percent(0.99999), '99.9 %'], [percent(1), '100 %'], [percent(null), '–'],
  [bytes(999), '999 B'], [bytes(1500), '1.5 kB'], [bytes(1_200_000_000), '1.2 GB'], [bytes(999_999), '1.0 MB'],
  [duration(0.4), '0 s'], [duration(59.4), '59 s'], [duration(61), '1 min 1 s'], [duration(780), '13 min'], [duration(7500), '2 h 5 min'], [duration(90_000), '1 d 1 h'], [duration(null), '–'],
]) assert.equal(got, want);

// Progress: the part that was handed out, times what of it has ended.
const file = { state: 'running', size: 1000, offset: 500, items_cut: 100, items_done: 40, items_failed: 5, items_dead: 5 };
assert.equal(progress(file), 0.25);
assert.equal(progress({ ...file, state: 'done' }), 1);
assert.equal(progress({ ...file, items_cut: 0 }), 0);

// What cannot be seen, or turns the direction of writing, is shown as a question mark.
assert.equal(plain('a\u202etxt.exe\n\u0000\ufeff'), 'a?txt.exe???');

// A quoted name is one word for a shell, whatever it is, and holds nothing that cannot be seen.
for (const name of ['a.txt', '', "it's", '$(reboot)', '`id`', 'a b;c', '-rf', '~', 'é ü 漢', 'line\nbreak', "tab\tand 'quote' \\", '\u202eevil', '*?[x]', '!!']) {
  assert.equal(execFileSync('bash', ['-c', `printf %s ${quoted(name)}`], { encoding: 'utf8' }), name);
  assert.equal(plain(quoted(name)), quoted(name));
}

// Attempts that overlap lie in lanes of their own.
const attempt = (from, to) => ({ began_at: new Date(from).toISOString(), ended_at: to && new Date(to).toISOString() });
assert.deepEqual(lanes([attempt(0, 10), attempt(5, 20), attempt(10, 15), attempt(16, null)], 30).map((p) => p.lane), [0, 1, 0, 0]);
