// The overview: is it moving, when will it end, what is stuck.
import { html, useEffect } from '../vendor/preact.js';
import { can, canCall, deployment } from './abilities.js';
import { send } from './api.js';
import { Dispatch } from './dispatch.js';
import { FileActions, isPaused } from './file_actions.js';
import { bytes, clock, count, duration, eta, percent, plain, plural, progress, quoted, rate, words } from './format.js';
import { Results } from './home.js';
import { List } from './list.js';
import { on } from './live.js';
import { Ago, Bar, Button, Command, Empty, Failure, Filter, State, onRefresh, shown } from './parts.js';
import { Plots } from './plots.js';
import { Rows } from './rows.js';
import { go, href, link, notices, now, overview, role, route, say } from './state.js';
import { Waiting } from './waiting.js';
import { WorkerGrid } from './workers.js';

const fileStates = ['running', 'done', 'done_with_rejects', 'changed', 'failed', 'cancelled'];

export function Overview() {
  const o = overview.value;
  if (!o) return html`<h1 class="hidden">Overview</h1><p class="empty">${link.value.state === 'lost' ? 'The master does not answer. This page goes on asking.' : 'Reading…'}</p>`;
  return html`<h1 class="hidden">Overview</h1>
    <${Problems} all=${o.problems} />
    <${Cards} o=${o} />
    <${Dispatch} />
    <${Files} />
    <${Plots} />
    <div class="beside"><${WorkerGrid} /><${Events} /></div>`;
}

// places are where something can be done about a problem, by its kind.
const places = {
  worker_unfit: ['the workers that get nothing', '', { worker: 'announced' }], duplicate_worker: ['the workers that get nothing', '', { worker: 'announced' }],
  no_partition: ['the workers that get nothing', '', { worker: 'announced' }], chunk_stalled: ['the busy workers', '', { worker: 'busy' }],
  chunk_returned: ['the files in work', '', { state: 'running' }], stalled: ['the files in work', '', { state: 'running' }], file_paused: ['the files in work', '', { state: 'running' }],
  kafka_unavailable: ['the cluster', 'cluster'], not_delivered: ['the cluster', 'cluster'], state_unavailable: ['the cluster', 'cluster'], deployment: ['the cluster', 'cluster'],
};

function Problems({ all }) {
  if (all.length === 0) return null;
  return html`<section class="problems" aria-labelledby="problems-title">
    <h2 id="problems-title">${plural(all.length, 'problem')}</h2>
    <ul>${all.map((p) => html`<li key=${p.kind + p.since} data-kind=${p.kind}><strong>${words(p.kind)}</strong>: ${plain(p.text)}
      <span class="muted"> since ${clock(p.since, true)} (<${Ago} time=${p.since} />)</span>
      ${p.worker && html` <a href=${href('worker', p.worker)}>show ${plain(p.worker)}</a>`}
      ${p.file_id > 0 && html` <a href=${href('file', p.file_id)}>show ${plain(p.path)}</a>`}
      ${places[p.kind] && html` <a href=${href(places[p.kind][1], '', places[p.kind][2])}>show ${places[p.kind][0]}</a>`}
      ${p.cures?.length > 0 && html`<ul class="cures">${p.cures.map((c) => html`<li key=${c.text}><${Cure} c=${c} /></li>`)}</ul>`}</li>`)}</ul>
  </section>`;
}

// Cure is one thing that can be done about a problem: here, or by a command.
function Cure({ c }) {
  async function act() {
    await send(c.call.method, c.call.path, c.call.body ?? undefined);
    say(`Asked for: ${plain(c.text)}.`);
  }
  const here = c.call && canCall(c.call) && role.value !== 'read';
  return html`${here ? html`<${Button} kind="small" onClick=${act}>${upper(c.text)}</${Button}>` : upper(c.text)}${c.command && html` <${Command} text=${c.command} />`}`;
}

const upper = (text) => plain(text).replace(/^./, (first) => first.toUpperCase());

const Card = ({ name, value, kind = '', children }) => html`<div class=${'card ' + kind}><dt>${name}</dt><dd class="value">${value}</dd><dd class="muted">${children}</dd></div>`;

function Cards({ o }) {
  const { items, chunks, workers } = o;
  const ended = items.done + items.failed + items.dead;
  const bad = items.failed + items.dead;
  const all = ended + (o.items_remaining ?? 0); // what is not cut yet is estimated
  const known = o.items_remaining != null || o.files.running === 0;
  const present = Object.entries(workers).filter(([, n]) => n > 0);
  const alive = present.filter(([state]) => state !== 'lost' && state !== 'gone').reduce((sum, [, n]) => sum + n, 0);
  const end = o.dispatch.paused ? null : o.eta_at;
  return html`<dl class="cards">
    <${Card} name="Items per second" value=${rate(o.items_per_s)}>over all workers</${Card}>
    <${Card} name="Done" value=${known && all > 0 ? percent(ended / all) : '–'}>${count(ended)}${known && ` of ${o.items_remaining > 0 ? 'about ' : ''}${count(all)}`} items</${Card}>
    <${Card} name="Time left" value=${end ? duration((Date.parse(end) - now.value) / 1000) : '–'}>
      ${end ? 'ends at ' + clock(end) : noEnd(o, alive)}</${Card}>
    <${Card} name="Queue" value=${plural(chunks.ready, 'chunk')}>${chunks.ready > 0 && o.oldest_ready_s != null ? 'the oldest for ' + duration(o.oldest_ready_s) : plural(chunks.running, 'chunk') + ' at workers'}</${Card}>
    <${Card} name="Workers" value=${count(alive)} kind=${alive === 0 ? 'is-bad' : ''}>${present.map(([state, n], i) => html`${i > 0 && ', '}<a href=${href('', '', { worker: state })}>${count(n)} ${words(state)}</a>`)}${present.length === 0 && 'none'}</${Card}>
    <${Card} name="Failed and dead" value=${count(bad)} kind=${bad > 0 ? 'is-bad' : ''}>
      <a href="#/failed">${count(items.failed)} failed</a>, <a href="#/dead">${count(items.dead)} dead</a></${Card}>
  </dl>`;
}

// noEnd says why it is not known when the work ends.
function noEnd(o, alive) {
  if (!o.files.running) return 'no file is in work';
  if (o.dispatch.paused) return 'everything is paused';
  if (alive === 0) return 'there is no worker';
  return o.items_per_s > 0 ? 'known after 30 s of work' : 'nothing ends now';
}

const files = new List('files', 'files', { compare: (a, b) => b.id - a.id });

function Files() {
  const { params } = route.value;
  const q = params.get('q') ?? '';
  const state = params.get('state') ?? '';
  useEffect(() => { files.select({ q, state }); }, [q, state]);
  useEffect(() => {
    const matches = (f) => (!state || f.state === state) && f.path.toLowerCase().includes(q.toLowerCase());
    const offs = [on('files', (changed) => files.patch(changed, matches)), on('gone', (gone) => files.drop(gone.files ?? [])), onRefresh(() => files.refresh(), 10)];
    return () => offs.forEach((off) => off());
  }, [q, state]);
  const choose = (change) => go('', '', { ...Object.fromEntries(params), q, state, ...change });
  return html`<section aria-labelledby="files-title">
    <div class="bar-of-list"><h2 id="files-title">Files</h2>
      <span class="muted" role="status">${shown(files.rows.value.length, files.total.value, 'file')}</span>
      <label>State <select value=${state} onChange=${(e) => choose({ state: e.target.value })}>
        <option value="">all</option>${fileStates.map((s) => html`<option value=${s}>${words(s)} (${count(overview.value.files[s] ?? 0)})</option>`)}</select></label>
      <${Filter} name="Name" value=${q} hint="part of the name" onChange=${(text) => choose({ q: text })} />
      ${can('POST', '/files/rescan') && html`<${Button} onClick=${rescan}>Look for new files</${Button}>`}
    </div>
    <${Failure} text=${files.error.value} />
    ${files.total.value === 0 ? html`<${NoFiles} filtered=${q || state} />` : html`<${Rows} list=${files} columns=${columns} label="List of files" />`}
  </section>
  <${Waiting} q=${q} />`;
}

async function rescan() {
  const found = await send('POST', 'files/rescan');
  say(`The folder has ${plural(found.files, 'file')}; ${count(found.settling)} of them not in work yet.`);
  files.refresh();
}

const NoFiles = ({ filtered }) => (filtered || overview.value.settling > 0
  ? html`<${Empty}><p>${filtered ? 'No file matches.' : 'No file is in work yet.'}</p></${Empty}>`
  : html`<${Empty}><p>There is no file yet. Put files that end in .txt into the input folder, for example:</p>
      <${Command} text=${'kafka-master generate --lines 100000 --out ' + quoted((deployment.value.input || 'input_ip_data') + '/more.txt')} /></${Empty}>`);

const columns = [
  { name: 'File', kind: 'grow', show: (f) => html`<a href=${href('file', f.id)} title=${plain(f.path)}>${plain(f.path)}</a>${f.generation > 1 && html` <span class="muted">@${f.generation}</span>`}` },
  { name: 'State', kind: 'w-state', show: (f) => html`<span title=${plain(f.reason || f.paused || f.why?.text)}><${State} of=${isPaused(f) ? 'paused' : f.state} /></span>` },
  { name: 'Progress', kind: 'w-bar', show: (f) => html`<${FileBar} f=${f} />` },
  { name: 'Size', kind: 'w-num extra', show: (f) => bytes(f.size) },
  { name: 'ready / run', kind: 'w-pair extra', show: (f) => (f.state === 'running' ? count(f.chunks_ready) + ' / ' + count(f.chunks_running) : '–') },
  { name: 'failed / dead', kind: 'w-pair mid', show: (f) => html`<${Lost} f=${f} kind="failed" /> / <${Lost} f=${f} kind="dead" />` },
  { name: 'Items/s', kind: 'w-num mid', show: (f) => (f.state === 'running' ? rate(f.items_per_s) : '–') },
  { name: 'Ends', kind: 'w-eta wide', show: (f) => html`<${Ends} f=${f} />` },
  { name: 'Actions', kind: 'w-actions wide', show: (f) => html`<${FileActions} file=${f} /><${Results} file=${f} />` },
];

// Lost is how many items of a file failed or are dead, and leads to them.
function Lost({ f, kind }) {
  const n = f['items_' + kind];
  return n > 0 ? html`<a class="bad" href=${href(kind, '', { file: f.path })} aria-label=${plural(n, 'item') + ' of ' + plain(f.path) + ' ' + kind}>${count(n)}</a>` : '0';
}

// Ends says when a file ended, or will, or why nothing of it runs.
function Ends({ f }) {
  if (f.ended_at) return clock(f.ended_at);
  const why = f.paused || f.why?.text;
  return why && !f.eta_at ? html`<span class="muted" title=${plain(why)}>${plain(why)}</span>` : eta(f.eta_at, now.value);
}

export function FileBar({ f }) {
  const share = progress(f);
  const ended = f.items_done + f.items_failed + f.items_dead;
  const bad = ended > 0 ? (share * (f.items_failed + f.items_dead)) / ended : 0;
  return html`<${Bar} done=${share - bad} bad=${bad} label=${'Progress of ' + plain(f.path)} text=${percent(share)} /><span class="share">${percent(share)}</span>`;
}

function Events() {
  const all = notices.value;
  return html`<section aria-labelledby="events-title"><h2 id="events-title">Events</h2>
    ${all.length === 0
      ? html`<p class="muted">${link.value.state === 'live' ? 'Nothing has happened since this page was opened.' : 'Events show when the page is connected live.'}</p>`
      : html`<div class="scroll events" tabindex="0" role="region" aria-label="List of events"><ol>${all.map((n) => html`<li key=${n.at + n.text} class=${'level-' + n.level}>
          <time class="muted" datetime=${n.at}>${clock(n.at, true)}</time> ${plain(n.text)}</li>`)}</ol></div>`}
  </section>`;
}
