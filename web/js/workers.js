// The grid of the workers.
import { html, useEffect } from '../vendor/preact.js';
import { count, plain, words } from './format.js';
import { List } from './list.js';
import { on } from './live.js';
import { Ago, Command, Empty, Failure, Filter, onRefresh, shown } from './parts.js';
import { Tiles } from './rows.js';
import { go, href, overview, route } from './state.js';

const states = ['free', 'busy', 'announced', 'suspect', 'draining', 'lost', 'gone'];

const workers = new List('workers', 'workers', { compare: (a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0) });

export function WorkerGrid() {
  const { params } = route.value;
  const state = params.get('worker') ?? '';
  const q = params.get('id') ?? '';
  useEffect(() => { workers.select({ state, q }); }, [state, q]);
  useEffect(() => {
    const matches = (w) => (!state || w.state === state) && w.id.toLowerCase().includes(q.toLowerCase());
    const offs = [on('workers', (changed) => workers.patch(changed, matches)), on('gone', (gone) => workers.drop(gone.workers ?? [])), onRefresh(() => workers.refresh(), 10)];
    return () => offs.forEach((off) => off());
  }, [state, q]);
  const choose = (change) => go('', '', { ...Object.fromEntries(params), ...change });
  return html`<section aria-labelledby="workers-title">
    <div class="bar-of-list"><h2 id="workers-title">Workers</h2>
      <span class="muted" role="status">${shown(workers.rows.value.length, workers.total.value, 'worker')}</span>
      <label>State <select value=${state} onChange=${(e) => choose({ worker: e.target.value })}>
        <option value="">all</option>${states.map((s) => html`<option value=${s}>${s} (${count(overview.value.workers[s] ?? 0)})</option>`)}</select></label>
      <${Filter} name="Id" value=${q} hint="part of the id" onChange=${(text) => choose({ id: text })} />
    </div>
    <${Failure} text=${workers.error.value} />
    ${workers.total.value === 0 ? html`<${NoWorkers} filtered=${state || q} />` : html`<${Tiles} list=${workers} label="Grid of workers" show=${(w) => html`<${Tile} w=${w} />`} />`}
  </section>`;
}

const Tile = ({ w }) => html`<a class=${'tile is-' + w.state} href=${href('worker', w.id)} title=${plain(w.note || w.why?.text || '')}>
  <span class="tile-name">${plain(w.id)}</span><span class=${'state is-' + w.state}>${words(w.state)}</span>
  <span class="tile-work muted"><${Work} w=${w} /></span></a>`;

// Work says what a worker does, or why it does nothing.
function Work({ w }) {
  const first = w.running?.[0] ?? (w.held?.length ? { chunk: w.held[0], since: w.held_since[0] } : null);
  if (w.state === 'lost' || w.state === 'suspect') return html`silent for <${Ago} time=${w.seen_at} />`;
  if (w.state === 'announced' && (w.why?.text || w.note)) return plain(w.why?.text || w.note);
  if (first) return html`${plain(first.chunk)} <${Ago} time=${first.since} />`;
  return plain(w.why?.text || w.note || 'waits for work');
}

// NoWorkers shows the command of the problem that there is no worker, if there is one.
function NoWorkers({ filtered }) {
  if (filtered) return html`<${Empty}><p>No worker matches.</p></${Empty}>`;
  return html`<${Empty}><p>There is no worker. Start one on any machine that reaches Kafka:</p><${Command} text=${startWorker(overview.value)} /></${Empty}>`;
}

// startWorker returns the command that starts a worker of this master. Its problem has it.
export const startWorker = (o) => o?.problems.find((p) => p.kind === 'no_workers')?.cures?.find((c) => c.command)?.command ?? "kafka-master worker --each 'probe {}'";
