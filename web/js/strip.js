// The heat strip: the bytes of a file from left to right, coloured by what became of them.
import { html, useEffect, useRef, useSignal } from '../vendor/preact.js';
import { count, plain, words } from './format.js';
import { scheme } from './scheme.js';

const height = 36;
const legend = ['done', 'running', 'queued', 'ready', 'back_off', 'failed', 'dead'];

// Strip draws a file. What was handed out and is not listed as a chunk is done.
export function Strip({ file, chunks }) {
  const canvas = useRef();
  const under = useSignal(null);
  const colours = scheme.value;
  useEffect(() => draw(canvas.current, file, chunks, colours), [file, chunks, colours]);
  const numbers = {};
  for (const c of chunks) numbers[c.state] = (numbers[c.state] ?? 0) + 1;
  function point(e) {
    const at = (e.offsetX / e.target.clientWidth) * file.size;
    under.value = chunks.find((c) => at >= c.offset && at < c.offset + c.length) ?? null;
  }
  const c = under.value;
  return html`<div class="strip">
    <canvas ref=${canvas} width="1200" height=${height} role="img" aria-label="The file from its first to its last byte, by the state of its chunks; the table lists them"
      onMouseMove=${point} onMouseLeave=${() => { under.value = null; }}></canvas>
    <p class="muted strip-legend">${c
      ? html`${plain(c.chunk)}: ${words(c.state)}${c.worker ? ' at ' + plain(c.worker) : ''}, attempt ${count(c.attempt)}`
      : legend.map((s) => (s === 'done' || numbers[s]) && html`<span key=${s}><i class=${'key is-' + s}></i>${words(s)}${numbers[s] ? ' ' + count(numbers[s]) : ''}</span>`)}
      ${!c && html`<span><i class="key is-uncut"></i>not cut yet</span>`}</p>
  </div>`;
}

function draw(canvas, file, chunks, colours) {
  const ctx = canvas.getContext('2d');
  const scale = canvas.width / Math.max(1, file.size);
  ctx.fillStyle = colours.uncut;
  ctx.fillRect(0, 0, canvas.width, height);
  ctx.fillStyle = colours.done;
  ctx.fillRect(0, 0, file.offset * scale, height);
  // What needs a look is drawn last, so that it is seen however thin it is.
  const sorted = [...chunks].sort((a, b) => legend.indexOf(a.state) - legend.indexOf(b.state));
  for (const c of sorted) {
    ctx.fillStyle = colours[c.state] ?? colours.ready;
    ctx.fillRect(c.offset * scale, 0, Math.max(1.5, c.length * scale), height);
  }
}
