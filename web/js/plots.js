// Three plots of the last minutes, hour or day.
import { html, signal, useEffect, useLayoutEffect, useRef, useSignal } from '../vendor/preact.js';
import uPlot from '../vendor/uPlot.js';
import { can } from './abilities.js';
import { get } from './api.js';
import { clock, count, duration, rate } from './format.js';
import { onRefresh } from './parts.js';
import { scheme } from './scheme.js';

// windows are the seconds that are shown, and how often they are asked for.
const windows = [['5m', '5 minutes', 3], ['1h', '1 hour', 10], ['24h', '24 hours', 60]];

const plots = [
  { title: 'Items per second', series: [{ name: 'items_per_s', label: 'items/s', colour: 'accent', show: rate }] },
  { title: 'Queue', series: [{ name: 'ready', label: 'chunks waiting', colour: 'accent', show: count }, { name: 'oldest_ready_s', label: 'oldest', colour: 'failed', scale: 's', show: duration }] },
  { title: 'Workers and losses', series: [{ name: 'busy_workers', label: 'busy', colour: 'accent', show: count }, { name: 'failed_and_dead', label: 'failed and dead', colour: 'dead', scale: 'n', show: count }] },
];

const chosen = signal(windows[0][0]);

export function Plots() {
  const data = useSignal(null);
  const window = chosen.value;
  const there = can('GET', '/series');
  useEffect(() => {
    if (!there) return;
    let current = true;
    let busy = false; // a call may wait for the token
    const ask = async () => {
      if (busy) return;
      busy = true;
      try {
        const answer = await get('series', { window });
        if (current) data.value = answer;
      } catch {
        // The link tells why there is no answer; the last picture stays.
      } finally {
        busy = false;
      }
    };
    ask();
    const off = onRefresh(ask, windows.find(([name]) => name === window)[2]);
    return () => {
      current = false;
      off();
    };
  }, [window, there]);
  if (!there) return null;
  return html`<section aria-labelledby="plots-title"><div class="bar-of-list"><h2 id="plots-title">History</h2>
    <div class="group" role="group" aria-label="How far back">${windows.map(([name, text]) => html`<button type="button" class="small" aria-pressed=${String(window === name)} onClick=${() => { chosen.value = name; }}>${text}</button>`)}</div></div>
    <div class="plots">${plots.map((p) => html`<${Plot} key=${p.title} plot=${p} data=${data.value} />`)}</div></section>`;
}

function Plot({ plot, data }) {
  const box = useRef();
  const drawn = useRef(null);
  const colours = scheme.value;
  const at = useSignal(null); // the step under the pointer, of whichever plot it is in
  useLayoutEffect(() => {
    const element = box.current;
    const point = (plotted) => { at.value = plotted.cursor.idx ?? null; };
    const plotted = new uPlot({ ...options(plot, colours, element.clientWidth), hooks: { setCursor: [point] } }, [[], ...plot.series.map(() => [])], element);
    drawn.current = plotted;
    const observer = new ResizeObserver(() => plotted.setSize({ width: element.clientWidth, height: plotHeight }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plotted.destroy();
    };
  }, [colours]);
  useEffect(() => { if (data) drawn.current.setData(columns(plot, data)); }, [data, colours]);
  const last = (s) => s.show(data?.series[s.name]?.findLast((v) => v !== null)) + ' ' + s.label;
  const pointed = data && at.value !== null;
  const value = (s) => (pointed ? s.show(data.series[s.name]?.[at.value]) + ' ' + s.label : last(s));
  const when = pointed && clock(Date.parse(data.from) + at.value * data.step_s * 1000, true);
  return html`<figure><figcaption>${when || plot.title} ${plot.series.map((s) => html`<span class="muted" key=${s.name}><i class=${'key is-' + s.colour}></i>${value(s)}</span> `)}</figcaption>
    <div class="plot" ref=${box} role="img" aria-label=${plot.title + ', now ' + plot.series.map(last).join(', ')}></div></figure>`;
}

const plotHeight = 170;

// columns returns the data as uPlot takes it: the times, then the values of each series.
function columns(plot, data) {
  const all = plot.series.map((s) => data.series[s.name] ?? []);
  const from = Date.parse(data.from) / 1000;
  return [all[0].map((_, i) => from + i * data.step_s), ...all];
}

function options(plot, colours, width) {
  const axis = { stroke: colours.muted, grid: { stroke: colours.line, width: 1 }, ticks: { stroke: colours.line, width: 1 } };
  const scales = { x: { time: true }, y: { range: fromZero } };
  const axes = [{ ...axis, size: 30, values: (_, all) => all.map((t) => clock(t * 1000)) }, { ...axis, size: 60, incrs, values: (_, all) => all.map((v) => plot.series[0].show(v)) }];
  for (const s of plot.series) {
    if (!s.scale) continue;
    scales[s.scale] = { range: fromZero };
    axes.push({ ...axis, scale: s.scale, side: 1, size: 60, incrs, grid: { show: false }, values: (_, all) => all.map((v) => s.show(v)) });
  }
  return {
    width, height: plotHeight, scales, axes, legend: { show: false }, cursor: { sync: { key: 'plots' }, y: false },
    series: [{}, ...plot.series.map((s) => ({ label: s.label, scale: s.scale ?? 'y', stroke: colours[s.colour], width: 1.5, points: { show: false } }))],
  };
}

// incrs are the steps of an axis: whole numbers.
const incrs = Array.from({ length: 12 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** i)).flat();

const fromZero = (_, min, max) => [0, Math.max(1, max ?? 1) * 1.05];
