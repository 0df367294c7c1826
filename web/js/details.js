// All that is known of one chunk, for what a row cuts off.
import { html, signal } from '../vendor/preact.js';
import { clock, count, plain, words } from './format.js';
import { Dialog, Fact } from './parts.js';
import { href } from './state.js';

const opened = signal(null); // the chunk that is shown, or null

// Text shows a text of a chunk in a row; all of it, and the rest, shows when it is pressed.
export const Text = ({ chunk, text }) => (text ? html`<button type="button" class="link" title=${plain(text)} onClick=${() => { opened.value = chunk; }}>${plain(text)}</button>` : null);

// Details is the dialog. What a list does not have of a chunk is left out.
export function Details() {
  const c = opened.value;
  if (!c) return null;
  const workers = c.workers ?? (c.worker ? [c.worker] : []);
  const text = c.error || c.why?.text;
  return html`<${Dialog} title=${plain(c.chunk)} onClose=${close}>
    ${text && html`<p class="why">${plain(text)}</p>`}
    <dl class="facts">
      ${c.path && html`<${Fact} name="File"><a href=${href('file', c.file_id)} onClick=${close}>${plain(c.path)}</a></${Fact}>`}
      ${c.state && html`<${Fact} name="State">${words(c.state)}</${Fact}>`}
      <${Fact} name="Lines">${count(c.first_line)}–${count(c.first_line + c.lines - 1)}</${Fact}>
      <${Fact} name="Bytes">${count(c.offset)}–${count(c.offset + c.length - 1)}</${Fact}>
      <${Fact} name="Items">${count(c.items)}${c.items_failed > 0 && `, ${count(c.items_failed)} of them failed`}</${Fact}>
      <${Fact} name="Attempts">${count(c.attempts ?? c.attempt)}</${Fact}>
      ${workers.length > 0 && html`<${Fact} name="Workers">${workers.map((id) => html`<a key=${id} href=${href('worker', id)} onClick=${close}>${plain(id)}</a> `)}</${Fact}>`}
      ${c.first_item && html`<${Fact} name="First item"><code>${plain(c.first_item)}</code></${Fact}>`}
      <${Fact} name=${c.ended_at ? 'Ended' : 'Since'}>${clock(c.ended_at ?? c.since, true)}</${Fact}>
    </dl>
    <div class="buttons"><button type="button" class="main" onClick=${close}>Close</button></div>
  </${Dialog}>`;
}

function close() {
  opened.value = null;
}
