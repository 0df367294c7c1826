// The files of the folder that are not in work yet, and why.
import { html, useEffect } from '../vendor/preact.js';
import { can } from './abilities.js';
import { send } from './api.js';
import { NumberField } from './fields.js';
import { bytes, clock, count, plain } from './format.js';
import { List } from './list.js';
import { Ago, Failure, State, onRefresh, shown } from './parts.js';
import { Rows } from './rows.js';
import { overview, say } from './state.js';

const waiting = new List('waiting', 'files', { compare: (a, b) => (a.path < b.path ? -1 : 1), key: 'path' });

// Waiting shows those with a text in their path. Where there are none it shows nothing.
export function Waiting({ q }) {
  const there = overview.value.settling > 0 && can('GET', '/waiting');
  useEffect(() => {
    if (!there) return;
    waiting.select({ q });
    return onRefresh(() => waiting.refresh(), 2);
  }, [q, there]);
  if (!there || waiting.total.value === 0) return null;
  return html`<section aria-labelledby="waiting-title">
    <div class="bar-of-list"><h2 id="waiting-title">Not in work yet</h2>
      <span class="muted" role="status">${shown(waiting.rows.value.length, waiting.total.value, 'file')}</span></div>
    <${Failure} text=${waiting.error.value} />
    <${Rows} list=${waiting} columns=${columns} label="List of what is not in work yet" keyOf=${(f) => f.path} />
  </section>`;
}

const columns = [
  { name: 'File', kind: 'w-file', show: (f) => html`<span title=${plain(f.path)}>${plain(f.path)}</span>` },
  { name: 'State', kind: 'w-word mid', show: (f) => html`<${State} of=${f.settled ? 'waiting' : 'settling'} />` },
  { name: 'Why', kind: 'grow', show: (f) => html`<span title=${plain(f.why?.text)}>${plain(f.why?.text)}</span>` },
  { name: 'Size', kind: 'w-num', show: (f) => bytes(f.size) },
  { name: 'Unchanged', kind: 'w-pair mid', show: (f) => html`<span title=${'modified ' + clock(f.modified_at, true)}><${Ago} time=${f.since} /></span>` },
  { name: 'Priority', kind: 'w-actions wide', show: (f) => html`<${Priority} f=${f} />` },
];

function Priority({ f }) {
  async function set(priority) {
    const { old, new: next } = await send('PATCH', 'waiting', { path: f.path, priority });
    say(`Priority of ${f.path}: ${count(old.priority)} → ${count(next.priority)}`);
    waiting.refresh();
  }
  return html`<${NumberField} small=${true} label=${'priority of ' + plain(f.path)} now=${f.priority} min=${-10} max=${10} fixed=${!can('PATCH', '/waiting')} set=${set} />`;
}
