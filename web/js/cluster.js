// The masters and the topics.
import { html } from '../vendor/preact.js';
import { can } from './abilities.js';
import { send } from './api.js';
import { count, plain } from './format.js';
import { Ago, Button, Failure, State, confirm, useAnswer } from './parts.js';
import { say } from './state.js';

export const Cluster = () => html`<h1>Cluster</h1>
  ${can('GET', '/masters') && html`<${Masters} />`}
  ${can('GET', '/topics') && html`<${Topics} />`}`;

function Masters() {
  const { answer, error, again } = useAnswer('masters');
  async function stepDown() {
    if (!(await confirm('Let another master lead?', 'The leader gives up its lease, and a standby takes over within seconds. With no standby the same master leads again. Workers keep what they have.', 'Step down'))) return;
    await send('POST', 'masters/step-down');
    say('The leader steps down.');
    again();
  }
  return html`<section aria-labelledby="masters-title"><div class="bar-of-list"><h2 id="masters-title">Masters</h2>
    ${can('POST', '/masters/step-down') && html`<${Button} kind="danger" onClick=${stepDown}>Step down</${Button}>`}</div>
    <${Failure} text=${error?.message} />
    <div class="scroll" tabindex="0" role="region" aria-label="List of masters"><table><thead><tr>${['Master', 'Role', 'Term', 'Seen', 'Version', 'Address'].map((n) => html`<th scope="col">${n}</th>`)}</tr></thead>
    <tbody>${(answer?.masters ?? []).map((m) => html`<tr key=${m.id}><td>${plain(m.id)}</td><td><${State} of=${m.role} /></td><td>${count(m.term)}</td>
      <td><${Ago} time=${m.seen_at} /></td><td>${plain(m.version)}</td><td>${plain(m.api)}</td></tr>`)}</tbody></table></div></section>`;
}

function Topics() {
  const { answer, error } = useAnswer('topics');
  return html`<section aria-labelledby="topics-title"><h2 id="topics-title">Topics</h2><${Failure} text=${error?.message} />
    ${(answer?.topics ?? []).map((t) => html`<details key=${t.name}><summary><strong>${plain(t.name)}</strong> ${count(t.partition_count ?? t.partitions?.length)} partitions, ${count(t.lag)} messages not read yet</summary></details>`)}</section>`;
}
