// The attempts of a worker along time: those that overlap lie in lanes below each other.
import { html } from '../vendor/preact.js';
import { lanes } from './lanes_layout.js';
import { clock, plain, took, words } from './format.js';
import { now } from './state.js';

const laneHeight = 22;

export function Lanes({ all }) {
  const placed = lanes(all, now.value);
  const from = Math.min(...placed.map((p) => p.from));
  const to = Math.max(...placed.map((p) => p.to), from + 1);
  const at = (t) => ((t - from) / (to - from)) * 100 + '%';
  const height = (Math.max(...placed.map((p) => p.lane)) + 1) * laneHeight;
  return html`<div class="lanes" role="img" aria-label="The attempts along time; the table lists them">
    <div class="lanes-box" style=${{ height: height + 'px' }}>${placed.map(({ attempt: a, from: f, to: t, lane }) => html`<div key=${a.chunk + f} class=${'lane is-' + (a.result)}
      title=${`${plain(a.chunk)}: ${words(a.result)}, ${took((t - f) / 1000)}`}
      style=${{ left: at(f), width: `max(3px, ${((t - f) / (to - from)) * 100}%)`, top: lane * laneHeight + 'px' }}></div>`)}</div>
    <p class="muted lanes-axis"><span>${clock(from, true)}</span><span>${clock(to, true)}</span></p></div>`;
}
