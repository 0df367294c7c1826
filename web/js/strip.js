// The heat strip: the bytes of a file from left to right, coloured by what became of them.
import { html, useEffect, useRef, useSignal } from '../vendor/preact.js';
import { bytes, count, plain, plural, words } from './format.js';
import { scheme } from './scheme.js';

const height = 36;

// cells is how fine a strip is.
export const cells = 600;

const order = ['running', 'queued', 'ready', 'back_off', 'failed', 'dead'];

// Strip draws a file. What was handed out and has no span is done.
export function Strip({ file, strip }) {
  const canvas = useRef();
  const at = useSignal(null); // the byte under the pointer
  const colours = scheme.value;
  useEffect(() => draw(canvas.current, strip, colours), [strip, colours]);
  const done = ['done', file.chunks_cancelled > 0 && 'cancelled', file.chunks_discarded > 0 && 'discarded'].filter(Boolean).join(' or ');
  return html`<div class="strip">
    <canvas ref=${canvas} width="1200" height=${height} role="img" aria-label="The file from its first to its last byte, by the state of its chunks; the table lists them"
      onPointerMove=${(e) => { at.value = (e.offsetX / e.target.clientWidth) * file.size; }} onPointerLeave=${() => { at.value = null; }}></canvas>
    <p class="muted strip-legend">${at.value !== null
      ? html`<span>${under(strip, at.value, done)}</span>`
      : html`<span><i class="key is-done"></i>${done}</span>${order.map((s) => strip.states[s] > 0 && html`<span key=${s}><i class=${'key is-' + s}></i>${words(s)} ${count(strip.states[s])}</span>`)}
        <span><i class="key is-uncut"></i>not handed out yet</span>`}</p>
  </div>`;
}

// under says what lies under the pointer. Thin spans are found as wide as a cell.
function under(strip, at, done) {
  const span = strip.spans.findLast((s) => at >= s.offset && at < s.offset + Math.max(s.length, strip.size / cells));
  const place = `At ${bytes(Math.floor(at))}: `;
  if (!span) return place + (at < strip.offset ? done : 'not handed out yet');
  const worker = span.worker && ' at ' + plain(span.worker);
  const attempt = span.attempt > 0 && ', attempt ' + count(span.attempt);
  return html`${place}${span.chunks > 1 && plural(span.chunks, 'chunk') + ' that are not done, such as '}${plain(span.chunk)}: <strong>${words(span.state)}</strong>${worker}${attempt}${span.text && ': ' + plain(span.text)}`;
}

function draw(canvas, strip, colours) {
  const ctx = canvas.getContext('2d');
  const scale = canvas.width / Math.max(1, strip.size);
  ctx.fillStyle = colours.uncut;
  ctx.fillRect(0, 0, canvas.width, height);
  ctx.fillStyle = colours.done;
  ctx.fillRect(0, 0, strip.offset * scale, height);
  // What needs a look is drawn last, so that it is seen however thin it is.
  for (const s of [...strip.spans].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state))) {
    ctx.fillStyle = colours[s.state] ?? colours.ready;
    ctx.fillRect(s.offset * scale, 0, Math.max(2, s.length * scale), height);
  }
}
