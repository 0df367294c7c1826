// The masters and the topics.
import { html } from '../vendor/preact.js';
import { can } from './abilities.js';
import { send } from './api.js';
import { count, duration, plain, plural } from './format.js';
import { Ago, Button, Failure, State, confirm, useAnswer } from './parts.js';
import { href, say } from './state.js';

export const Cluster = () => html`<h1>Cluster</h1>
  ${can('GET', '/masters') && html`<${Masters} />`}
  ${can('GET', '/topics') && html`<${Topics} />`}`;

function Masters() {
  const { answer, error, again } = useAnswer('masters', {}, 2);
  async function stepDown() {
    if (!(await confirm('Let another master lead?', 'The leader gives its lease up in order, and a standby leads at once. Without one the same master leads again after some seconds. Workers keep what they have.', 'Step down'))) return;
    const { old, new: next } = await send('POST', 'masters/step-down');
    say(`${old.master_id} stepped down; ${next.master_id ? next.master_id + ' leads in term ' + next.term : 'nobody leads yet'}.`);
    again();
  }
  return html`<section aria-labelledby="masters-title"><div class="bar-of-list"><h2 id="masters-title">Masters</h2>
    ${can('POST', '/masters/step-down') && html`<${Button} kind="danger" onClick=${stepDown}>Step down</${Button}>`}</div>
    <${Failure} text=${error?.message || answer?.missing} />
    <div class="scroll" tabindex="0" role="region" aria-label="List of masters"><table><thead><tr><th scope="col" class="w-name">Master</th><th scope="col" class="w-state">Role</th><th scope="col" class="w-num mid">Term</th><th scope="col" class="grow">Works with</th>
      <th scope="col" class="w-num wide" title="when the master was heard last">Lease left</th><th scope="col" class="w-num wide">Heard</th><th scope="col" class="w-pair extra">Up for</th><th scope="col" class="w-name extra">Version</th><th scope="col" class="w-name wide">Address</th></tr></thead>
    <tbody>${(answer?.masters ?? []).map((m) => html`<tr key=${m.id}><td>${plain(m.id)}</td><td><${State} of=${m.role} /></td><td class="mid">${count(m.term)}</td>
      <td class="wrap"><${BackEnds} all=${m.back_ends} /></td><td class="wide">${m.lease_until ? duration((Date.parse(m.lease_until) - Date.parse(m.seen_at)) / 1000) : ''}</td><td class="wide"><${Ago} time=${m.seen_at} /> ago</td>
      <td class="extra"><${Ago} time=${m.started_at} /></td><td class="extra">${plain(m.version)}</td><td class="wide">${plain(m.api)}</td></tr>`)}</tbody></table></div></section>`;
}

// BackEnds says what a master reaches and what not.
const BackEnds = ({ all }) => all.map((b, i) => html`${i > 0 && ', '}${b.ok ? html`<span key=${b.name}>${plain(b.name)} ok</span>` : html`<strong key=${b.name} class="bad" title=${plain(b.error)}>${plain(b.name)} not for <${Ago} time=${b.since} />: ${plain(b.error)}</strong>`}`);

const uses = { chunks: 'chunks to workers', signals: 'progress from workers', connections: 'workers that announce themselves', masters: 'heartbeats of masters' };

function Topics() {
  const { answer, error } = useAnswer('topics');
  return html`<section aria-labelledby="topics-title"><h2 id="topics-title">Topics</h2><${Failure} text=${error?.message} />
    ${(answer?.topics ?? []).map((t) => html`<details key=${t.name} class="topic"><summary><strong>${plain(t.name)}</strong> <span class="muted">${uses[t.use]}</span>
      <span>${plural(t.partition_count, 'partition')}${t.lag != null && `, ${plural(t.lag, 'record')} not read by ${plain(t.group)}`}</span>
      ${t.without_worker > 0 && html`<span class="muted">${plural(t.without_worker, 'partition')} without a worker</span>`}
      ${t.without_leader > 0 && html`<strong class="bad">${plural(t.without_leader, 'partition')} without a leader</strong>`}
      ${t.error && html`<span class="failure">${plain(t.error)}</span>`}</summary>
      <${Partitions} t=${t} /></details>`)}</section>`;
}

function Partitions({ t }) {
  const chunks = t.use === 'chunks';
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${'Partitions of ' + plain(t.name)}><table><thead><tr><th scope="col" class="w-num">Partition</th><th scope="col" class="w-num">Leader</th><th scope="col" class="w-num wide">First</th>
      <th scope="col" class="w-num mid">Next</th><th scope="col" class="w-num wide">Read to</th><th scope="col" class="w-num">Not read</th>${chunks && html`<th scope="col" class="grow">Workers</th>`}</tr></thead>
    <tbody>${t.partitions.map((p) => html`<tr key=${p.partition}><td>${p.partition}</td><td>${p.leader ?? html`<strong class="bad">none</strong>`}</td><td class="wide">${count(p.begin_offset)}</td><td class="mid">${count(p.end_offset)}</td><td class="wide">${count(p.committed)}</td><td>${count(p.lag)}</td>
      ${chunks && html`<td>${p.workers.map((id) => html`<a key=${id} href=${href('worker', id)}>${plain(id)}</a> `)}${p.worker_count > p.workers.length && html`<span class="muted">and ${count(p.worker_count - p.workers.length)} more</span>`}</td>`}</tr>`)}</tbody></table>
    ${t.partition_count > t.partitions.length && html`<p class="muted">showing ${count(t.partitions.length)} of ${plural(t.partition_count, 'partition')}</p>`}</div>`;
}
