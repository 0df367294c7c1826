// One worker: what it holds, what it did last, and why it does nothing.
import { html, useEffect } from '../vendor/preact.js';
import { can } from './abilities.js';
import { send } from './api.js';
import { clock, count, plain, took } from './format.js';
import { Lanes } from './lanes.js';
import { on } from './live.js';
import { Ago, Button, Empty, Fact, Failure, State, confirm, useAnswer } from './parts.js';
import { go, href, role, say } from './state.js';

export function Worker({ id }) {
  const path = 'workers/' + encodeURIComponent(id);
  const { answer: w, error, again } = useAnswer(path, {}, 3);
  useEffect(() => on('workers', (changed) => { if (changed.some((x) => x.id === id)) again(); }), [id]);
  if (error) return html`<h1>Worker ${plain(id)}</h1><${Failure} text=${error.message} />`;
  if (!w) return html`<h1 class="hidden">Worker</h1><p class="empty">Reading…</p>`;
  return html`<h1>${plain(w.id)} <${State} of=${w.state} /></h1>
    ${[...new Set([w.note, w.why?.text].filter(Boolean))].map((text) => html`<p class=${w.state === 'free' || w.state === 'busy' ? 'muted' : 'why'} key=${text}>${plain(text)}</p>`)}
    <div class="actions"><${Actions} w=${w} path=${path} again=${again} /></div>
    <dl class="facts">
      <${Fact} name="Kind">${w.kind}</${Fact}>
      <${Fact} name="Chunks at once">${count(w.capacity)}</${Fact}>
      <${Fact} name=${w.partition_count === 1 ? 'Partition' : 'Partitions'}>${w.partitions.join(', ') || 'none'}${w.partition_count > w.partitions.length && ' … ' + count(w.partition_count) + ' in all'}</${Fact}>
      <${Fact} name="Last message"><${Ago} time=${w.seen_at} /> ago</${Fact}>
      ${w.kind === 'classic' && html`<${Fact} name="Messages “done”">${count(w.done_count)}</${Fact}>`}
    </dl>
    <${Holds} w=${w} />
    <${Attempts} w=${w} />`;
}

function Actions({ w, path, again }) {
  if (role.value === 'read') return null;
  const act = async (verb, text) => {
    await send('POST', path + '/' + verb);
    say(text);
    again();
  };
  async function forget() {
    if (!(await confirm('Forget this worker?', `${plain(w.id)} is ${w.state}. Its record is dropped; if it comes back, it counts as new.`, 'Forget it'))) return;
    await send('POST', path + '/forget');
    say('Forgotten: ' + w.id);
    go('');
  }
  const drained = Boolean(w.drained_by);
  const away = w.state === 'lost' || w.state === 'gone';
  return html`${!drained && !away && can('POST', '/workers/{id}/drain') && html`<${Button} onClick=${() => act('drain', w.id + ' finishes what it has and gets nothing new.')}>Drain</${Button}>`}
    ${drained && can('POST', '/workers/{id}/resume') && html`<${Button} onClick=${() => act('resume', w.id + ' gets chunks again.')}>Resume</${Button}>`}
    ${away && can('POST', '/workers/{id}/forget') && html`<${Button} kind="danger" onClick=${forget}>Forget</${Button}>`}`;
}

function Holds({ w }) {
  const running = w.running ?? w.held.map((chunk, i) => ({ chunk, since: w.held_since[i] }));
  const queued = w.queued ?? [];
  return html`<section aria-labelledby="holds-title"><h2 id="holds-title">What it has</h2>
    ${running.length + queued.length === 0 ? html`<p class="muted">Nothing.</p>` : html`<ul class="held">
      ${running.map((h) => html`<li key=${h.chunk}><${State} of="running" /> ${plain(h.chunk)} <span class="muted">for <${Ago} time=${h.since} /></span></li>`)}
      ${queued.map((h) => html`<li key=${h.chunk}><${State} of="queued" /> ${plain(h.chunk)} <span class="muted">for <${Ago} time=${h.since} /></span></li>`)}</ul>`}
    ${w.held_count > running.length + queued.length && html`<p class="muted">${count(w.held_count)} in all.</p>`}</section>`;
}

function Attempts({ w }) {
  const ended = w.attempts;
  const running = (w.running ?? []).map((h) => ({ chunk: h.chunk, began_at: h.since, ended_at: null, result: 'running' }));
  return html`<section aria-labelledby="attempts-title"><h2 id="attempts-title">Last attempts</h2>
    ${ended.length === 0 ? html`<${Empty}><p>None has ended since this master began to lead.</p></${Empty}>` : html`<${Lanes} all=${[...running, ...ended]} />
    <div class="scroll" tabindex="0" role="region" aria-label="List of attempts"><table><thead><tr><th scope="col" class="w-chunk">Chunk</th><th scope="col" class="w-pair mid">Items</th><th scope="col" class="w-state">Result</th>
      <th scope="col" class="w-num wide">Began</th><th scope="col" class="w-num mid">Took</th><th scope="col" class="grow">Error</th></tr></thead>
      <tbody>${ended.map((a) => html`<tr key=${a.file_id + a.chunk + a.ended_at}><td class="w-chunk" title=${plain(a.chunk)}><a href=${href('file', a.file_id)}>${plain(a.chunk) || 'a forgotten file'}</a></td>
        <td class="w-pair mid">${count(a.items)}${a.items_failed > 0 && html`, <span class="bad">${count(a.items_failed)} failed</span>`}</td><td class="w-state"><${State} of=${a.result} /></td>
        <td class="w-num wide">${clock(a.began_at, true)}</td><td class="w-num mid">${a.began_at && took((Date.parse(a.ended_at) - Date.parse(a.began_at)) / 1000)}</td>
        <td class="grow" title=${plain(a.error)}>${plain(a.error)}</td></tr>`)}</tbody></table></div>`}</section>`;
}
