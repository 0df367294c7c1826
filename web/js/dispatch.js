// Pausing everything, and how fast chunks are handed out.
import { html, useSignal } from '../vendor/preact.js';
import { can } from './abilities.js';
import { send } from './api.js';
import { clock, count, plain } from './format.js';
import { Button } from './parts.js';
import { overview, role, say } from './state.js';

const minutes = [['', 'until resumed'], ['10', 'for 10 minutes'], ['60', 'for 1 hour'], ['480', 'for 8 hours']];

// Dispatch is one line: what is in force, and what can be done about it.
export function Dispatch() {
  const d = overview.value?.dispatch;
  const length = useSignal('');
  if (!d) return null;
  const may = can('PATCH', '/dispatch') && role.value !== 'read';
  async function change(body, text) {
    const { new: dispatch } = await send('PATCH', 'dispatch', body);
    overview.value = { ...overview.value, dispatch };
    say(text);
  }
  const until = () => (length.value ? new Date(Date.now() + length.value * 60_000).toISOString() : null);
  return html`<section class="dispatch" aria-label="Hand-out of chunks">
    ${d.paused
      ? html`<p><strong class="state is-paused">paused</strong> by ${plain(d.by || 'somebody')}${d.since && ' since ' + clock(d.since, true)}${d.until ? ', until ' + clock(d.until) : ''}. Chunks at workers finish; nothing new is handed out.</p>
        <${Button} kind="main" onClick=${() => change({ paused: false }, 'Chunks are handed out again.')}>Resume</${Button}>`
      : html`<p>Chunks are handed out${d.max_items_per_s > 0 ? ', at most ' + count(d.max_items_per_s) + ' items per second' : ' as fast as workers take them'}.</p>
        ${may && html`<span class="field"><${Button} onClick=${() => change({ paused: true, until: until() }, 'Paused. Chunks at workers finish.')}>Pause everything</${Button}>
        <select aria-label="For how long" value=${length.value} onChange=${(e) => { length.value = e.target.value; }}>
          ${minutes.map(([value, name]) => html`<option value=${value}>${name}</option>`)}</select></span>`}`}
    ${may && html`<${Rate} now=${d.max_items_per_s ?? 0} set=${(n) => change({ max_items_per_s: n }, n > 0 ? 'At most ' + count(n) + ' items per second.' : 'No limit.')} />`}
  </section>`;
}

function Rate({ now, set }) {
  const text = useSignal(null);
  const apply = async () => {
    await set(Number(text.value ?? now));
    text.value = null;
  };
  return html`<label>at most <input type="number" min="0" step="any" class="short" value=${text.value ?? now} onInput=${(e) => { text.value = e.target.value; }} /> items/s (0: no limit)</label>
    ${text.value !== null && html`<${Button} onClick=${apply}>Apply</${Button}>`}`;
}
