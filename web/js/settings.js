// The settings in force, those that can be changed while the masters run, and who did.
import { html, useSignal } from '../vendor/preact.js';
import { can } from './abilities.js';
import { send } from './api.js';
import { NumberField } from './fields.js';
import { clock, count, plain, plural, words } from './format.js';
import { Button, Empty, Failure, useAnswer } from './parts.js';
import { role, say } from './state.js';

export function Settings() {
  const { answer, error, again } = useAnswer('settings');
  if (!answer) return html`<h1>Settings</h1>${error ? html`<${Failure} text=${error.message} />` : html`<p class="empty">Reading…</p>`}`;
  return html`<h1>Settings</h1>
    <${RunTime} now=${answer.run_time} again=${again} />
    <${Audit} all=${answer.audit} />
    <${Table} all=${answer.settings} master=${answer.master_id} />`;
}

function RunTime({ now, again }) {
  const apply = (field, name) => async (value) => {
    const { old, new: next } = await send('PATCH', 'settings', { [field]: value });
    say(`${name}: ${old[field]} → ${next[field]}`);
    again();
  };
  return html`<section aria-labelledby="run-time-title"><h2 id="run-time-title">While the masters run</h2><div class="actions">
    <${NumberField} id="batch-size" fixed=${fixed()} name="Batch size" now=${now.batch_size} hint="items in a chunk that is not handed out yet" min="1" max="1000000" set=${apply('batch_size', 'Batch size')} />
    <${NumberField} id="partitions" fixed=${fixed()} name="Partitions" now=${now.partitions} hint=${now.partitions == null ? 'Kafka does not answer' : 'of the topic of the chunks; they only grow'} min=${now.partitions ?? 1} max="10000" set=${apply('partitions', 'Partitions')} />
    <${Level} now=${now.log_level} set=${apply('log_level', 'Log level')} />
  </div></section>`;
}

const fixed = () => role.value === 'read' || !can('PATCH', '/settings');

function Level({ now, set }) {
  const chosen = useSignal(null);
  async function apply() {
    await set(chosen.value);
    chosen.value = null;
  }
  return html`<span class="field"><label for="log-level">Log level</label>
    <select id="log-level" disabled=${fixed()} value=${chosen.value ?? now} onChange=${(e) => { chosen.value = e.target.value; }}>
      ${['default', 'debug', 'info', 'warn', 'error'].map((level) => html`<option value=${level}>${level}</option>`)}</select>
    ${chosen.value !== null && html`<${Button} label="Apply the log level" onClick=${apply}>Apply</${Button}>`}
    <span class="muted">default: the LOG_LEVEL of each master</span></span>`;
}

function Audit({ all }) {
  return html`<section aria-labelledby="audit-title"><div class="bar-of-list"><h2 id="audit-title">Who changed what</h2><span class="muted">${plural(all.length, 'change')}</span></div>
    ${all.length === 0 ? html`<${Empty}><p>Nobody has changed anything.</p></${Empty}>` : html`<div class="scroll" tabindex="0" role="region" aria-label="List of changes"><table>
      <thead><tr><th scope="col" class="w-num">When</th><th scope="col" class="w-name">Who</th><th scope="col" class="w-state">What</th><th scope="col" class="w-name wide">Of</th><th scope="col" class="grow">Before</th><th scope="col" class="grow">After</th></tr></thead>
      <tbody>${all.map((x, i) => html`<tr key=${all.length - i}><td>${clock(x.at, true)}</td><td>${plain(x.by)}</td><td>${words(x.action)}</td><td class="wide" title=${plain(x.target)}>${plain(x.target)}</td>
        <td class="wrap">${plain(x.old)}</td><td class="wrap">${plain(x.new)}</td></tr>`)}</tbody></table></div>`}</section>`;
}

function Table({ all, master }) {
  const text = useSignal('');
  const shown = all.filter((s) => (s.name + s.doc).toLowerCase().includes(text.value.toLowerCase()));
  return html`<section aria-labelledby="settings-title"><div class="bar-of-list"><h2 id="settings-title">Settings of ${plain(master)}</h2><span class="muted" role="status">${count(shown.length)} of ${count(all.length)}</span>
    <label>Name <input type="search" data-filter value=${text.value} onInput=${(e) => { text.value = e.target.value; }} placeholder="part of name or text" /></label></div>
    <div class="scroll" tabindex="0" role="region" aria-label="List of settings"><table>
      <thead><tr><th scope="col" class="w-setting">Setting</th><th scope="col" class="grow">Value</th><th scope="col" class="w-name">From</th><th scope="col" class="grow wide">What it is</th></tr></thead>
      <tbody>${shown.map((s) => html`<tr key=${s.name}><td title=${s.name}><code>${s.name}</code></td><td title=${plain(s.value)}>${plain(s.value) || html`<span class="muted">empty</span>`}</td>
        <td>${plain(s.source)}${s.configured && html` <span class="muted">(was ${plain(s.configured)})</span>`}</td><td class="wide wrap">${plain(s.doc)}</td></tr>`)}</tbody></table></div></section>`;
}
