// One file: its balance, where its chunks are, and why those wait that wait.
import { html, useEffect, useMemo, useSignal } from '../vendor/preact.js';
import { can } from './abilities.js';
import { Text } from './details.js';
import { FileActions, Order, isPaused } from './file_actions.js';
import { bytes, clock, count, duration, eta, plain, plural, rate, words } from './format.js';
import { TakeHome } from './home.js';
import { List } from './list.js';
import { on } from './live.js';
import { FileBar } from './overview.js';
import { Ago, Empty, Fact, Failure, State, onRefresh, shown, useAnswer } from './parts.js';
import { Rows } from './rows.js';
import { Strip, cells } from './strip.js';
import { href, now } from './state.js';

const chunkStates = ['ready', 'queued', 'running', 'back_off', 'dead', 'failed'];

export function File({ id }) {
  const { answer, error, again } = useAnswer('files/' + encodeURIComponent(id), {}, 3);
  useEffect(() => on('files', (changed) => { if (changed.some((f) => String(f.id) === id)) again(); }), [id]);
  if (error) return html`<h1>File ${plain(id)}</h1><${Failure} text=${error.message} />`;
  if (!answer) return html`<h1 class="hidden">File</h1><p class="empty">Reading…</p>`;
  return html`<h1>${plain(answer.path)}${answer.generation > 1 && html` <span class="muted">@${answer.generation}</span>`} <${State} of=${isPaused(answer) ? 'paused' : answer.state} /></h1>
    <${Reasons} f=${answer} />
    <div class="actions"><${FileActions} file=${answer} /><${Order} file=${answer} /></div>
    <${Balance} f=${answer} />
    ${can('GET', '/files/{id}/chunks') && html`<${Chunks} file=${answer} />`}
    <${TakeHome} file=${answer} />`;
}

// Reasons says why the file does not go on.
function Reasons({ f }) {
  const all = [f.reason, f.paused, f.why?.text].filter(Boolean);
  return [...new Set(all)].map((text) => html`<p class="why" key=${text}>${plain(text)}</p>`);
}

function Balance({ f }) {
  const missing = f.items_cut - f.items_done - f.items_failed - f.items_dead - (f.items_cancelled ?? 0);
  return html`<section aria-label="Balance"><div class="big-bar"><${FileBar} f=${f} /></div><dl class="facts">
    <${Fact} name="Items cut">${count(f.items_cut)}</${Fact}>
    <${Fact} name="Done">${count(f.items_done)}</${Fact}>
    <${Fact} name="Failed">${f.items_failed > 0 ? html`<a href=${href('failed', '', { file: f.path })}>${count(f.items_failed)}</a>` : '0'}</${Fact}>
    <${Fact} name="Dead">${f.items_dead > 0 ? html`<a href=${href('dead', '', { file: f.path })}>${count(f.items_dead)}</a>` : '0'}</${Fact}>
    ${f.items_cancelled > 0 && html`<${Fact} name="Cancelled">${count(f.items_cancelled)}</${Fact}>`}
    <${Fact} name="Open">${count(missing)}</${Fact}>
    <${Fact} name="Handed out">${bytes(f.offset)} of ${bytes(f.size)}</${Fact}>
    <${Fact} name="Chunks">${count(f.chunks_done)} done, ${count(f.chunks_dead)} dead, ${count(f.chunks_ready)} ready, ${count(f.chunks_running)} at workers</${Fact}>
    ${f.state === 'running' && html`<${Fact} name="Items per second">${rate(f.items_per_s)}</${Fact}><${Fact} name="Ends">${eta(f.eta_at, now.value)}</${Fact}>`}
    <${Fact} name="Started">${clock(f.started_at, true)}</${Fact}>
    ${f.ended_at && html`<${Fact} name="Ended">${clock(f.ended_at, true)}, after ${duration((Date.parse(f.ended_at) - Date.parse(f.started_at)) / 1000)}</${Fact}>`}
    ${f.merged_at && html`<${Fact} name="Results merged">${clock(f.merged_at, true)}</${Fact}>`}
  </dl></section>`;
}

function Chunks({ file }) {
  const { answer: strip } = useAnswer('files/' + file.id + '/strip', { cells }, 3);
  const state = useSignal('');
  const list = useMemo(() => new List('files/' + file.id + '/chunks', 'chunks', { compare: (a, b) => a.offset - b.offset }), [file.id]);
  useEffect(() => { list.select({ state: state.value }); }, [list, state.value]);
  useEffect(() => onRefresh(() => list.refresh(), 3), [list]);
  const ended = file.state !== 'running';
  return html`<section aria-labelledby="chunks-title">
    <div class="bar-of-list"><h2 id="chunks-title">Chunks</h2>
      <span class="muted" role="status">${shown(list.rows.value.length, list.total.value, 'chunk')} not done, or with failed items</span>
      <label>State <select data-filter value=${state.value} onChange=${(e) => { state.value = e.target.value; }}>
        <option value="">all</option>${chunkStates.map((s) => html`<option value=${s}>${words(s)}${strip && ` (${count(strip.states[s] ?? 0)})`}</option>`)}</select></label></div>
    ${strip && html`<${Strip} file=${file} strip=${strip} />`}
    <${Failure} text=${list.error.value} />
    ${list.total.value === 0
      ? html`<${Empty}><p>${state.value ? 'No chunk is ' + words(state.value) + '.' : ended ? 'Every chunk is done.' : 'Nothing waits and nothing runs: the next chunks are being cut.'}</p></${Empty}>`
      : html`<${Rows} list=${list} columns=${chunkColumns} label="List of chunks" height=${36} />`}
  </section>`;
}

// why says why a chunk does not run, or what became of it.
const why = (c) => c.why?.text || c.error || (c.state === 'failed' ? `${plural(c.items, 'item')} failed` : '');

const chunkColumns = [
  { name: 'Chunk', kind: 'w-chunk', show: (c) => html`<span title=${plain(c.chunk)}>${plain(c.chunk)}</span>` },
  { name: 'State', kind: 'w-state', show: (c) => html`<${State} of=${c.state} />` },
  { name: 'Lines', kind: 'w-lines extra', show: (c) => count(c.first_line) + '–' + count(c.first_line + c.lines - 1) },
  { name: 'Items', kind: 'w-num mid', show: (c) => count(c.items) },
  { name: 'Attempt', kind: 'w-num extra', show: (c) => count(c.attempt) },
  { name: 'Worker', kind: 'w-name mid', show: (c) => c.worker && html`<a href=${href('worker', c.worker)}>${plain(c.worker)}</a>` },
  { name: 'For', kind: 'w-pair mid', show: (c) => html`<${Ago} time=${c.since} />` },
  { name: 'Why', kind: 'grow', show: (c) => (c.stalled_since ? html`<strong class="bad">no progress for <${Ago} time=${c.stalled_since} /></strong>` : html`<${Text} chunk=${c} text=${why(c)} />`) },
];
