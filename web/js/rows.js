// Long lists, of which only what is in sight is drawn.
import { html, useEffect, useLayoutEffect, useRef, useSignal } from '../vendor/preact.js';

const spare = 5; // rows that are drawn beyond what is in sight
const ahead = 40; // rows from the end at which the next page is read

// useWindow follows how far a box is scrolled and how large it is.
function useWindow() {
  const box = useRef();
  const size = useSignal({ top: 0, height: 600, width: 1000 });
  useLayoutEffect(() => {
    const b = box.current;
    const measure = () => {
      const v = size.value;
      if (b.scrollTop !== v.top || b.clientHeight !== v.height || b.clientWidth !== v.width) {
        size.value = { top: b.scrollTop, height: b.clientHeight, width: b.clientWidth };
      }
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(b);
    b.addEventListener('scroll', measure, { passive: true });
    return () => observer.disconnect();
  }, []);
  return [box, size.value];
}

// range returns the part of n lines that is in sight.
function range(view, lineHeight, n) {
  const from = Math.max(0, Math.min(Math.floor(view.top / lineHeight), n) - spare);
  return [from, Math.min(n, Math.ceil((view.top + view.height) / lineHeight) + spare)];
}

// Rows is a table. Its columns have a name, a class, and a function that shows an entry.
export function Rows({ list, columns, label, height = 40, keyOf = (row) => row.id }) {
  const [box, view] = useWindow();
  const rows = list.rows.value;
  const [from, to] = range(view, height, rows.length);
  useEffect(() => { if (to > rows.length - ahead) list.more(); }, [to, rows.length]);
  const space = (lines) => lines > 0 && html`<tr class="space" aria-hidden="true"><td style=${{ height: lines * height + 'px' }}></td></tr>`; // one cell: with more, columns that a narrow screen hides would take room
  return html`<div class="scroll" ref=${box} tabindex="0" role="region" aria-label=${label}>
    <table aria-rowcount=${(list.total.value ?? 0) + 1}>
      <thead><tr aria-rowindex="1">${columns.map((c) => html`<th scope="col" class=${c.kind}>${c.head ?? c.name}</th>`)}</tr></thead>
      <tbody>
        ${space(from)}
        ${rows.slice(from, to).map((row, i) => html`<tr key=${keyOf(row)} aria-rowindex=${from + i + 2} style=${{ height: height + 'px' }}>
          ${columns.map((c) => html`<td class=${c.kind}>${c.show(row)}</td>`)}</tr>`)}
        ${space(rows.length - to)}
      </tbody>
    </table>
  </div>`;
}

// Tiles is a grid of entries of the same size.
export function Tiles({ list, label, show, width = 172, height = 68 }) {
  const [box, view] = useWindow();
  const rows = list.rows.value;
  const columns = Math.max(1, Math.floor(view.width / width));
  const lines = Math.ceil(rows.length / columns);
  const [from, to] = range(view, height, lines);
  useEffect(() => { if (to * columns > rows.length - ahead) list.more(); }, [to, columns, rows.length]);
  return html`<div class="scroll tiles-box" ref=${box} tabindex="0" role="region" aria-label=${label}>
    <ul class="tiles" style=${{ height: lines * height + 'px' }}>
      ${rows.slice(from * columns, to * columns).map((row, i) => {
        const at = from * columns + i;
        const place = { top: Math.floor(at / columns) * height + 'px', left: ((at % columns) * 100) / columns + '%', width: 100 / columns + '%', height: height + 'px' };
        return html`<li key=${row.id} style=${place} aria-setsize=${list.total.value ?? -1} aria-posinset=${at + 1}>${show(row)}</li>`;
      })}
    </ul>
  </div>`;
}
