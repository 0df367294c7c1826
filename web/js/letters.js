// Dead chunks, and chunks with failed items: what wants a person.
import { html, signal, useEffect, useSignal } from '../vendor/preact.js';
import { send } from './api.js';
import { Text } from './details.js';
import { clock, count, plain, plural } from './format.js';
import { List } from './list.js';
import { Button, Empty, Failure, Filter, confirm, onRefresh, shown } from './parts.js';
import { Rows } from './rows.js';
import { go, href, role, route, say } from './state.js';

const texts = {
  dead: {
    title: 'Dead chunks', items: 'items', empty: 'No chunk is dead.',
    retry: 'They run again, with no failures counted. Their files are in work again until they end.',
    discard: 'They are taken off this list and cannot be retried any more. Their items stay counted as dead.',
  },
  failed: {
    title: 'Failed items', items: 'failed items', empty: 'No item failed.',
    note: 'These chunks are done, but some of their items failed. Which ones, and why, is in the list of failed items that the view of the file has to download.',
    retry: 'Just the failed items run again. Their files are in work again until they end.',
    discard: 'They are taken off this list and cannot be retried any more. Their items stay counted as failed.',
  },
};

// order is that of the list: by file, then by place in it.
const order = (a, b) => a.file_id - b.file_id || a.offset - b.offset || (a.id < b.id ? -1 : 1);

const lists = { dead: new List('dead', 'chunks', { compare: order }), failed: new List('failed', 'chunks', { compare: order }) };

// bulk tells how far a change of many chunks has come, null while there is none.
const bulk = signal(null);

export function Letters({ kind }) {
  const { params } = route.value;
  const filter = { file: params.get('file') ?? '', error: params.get('error') ?? '' };
  const list = lists[kind];
  const chosen = useSignal(new Set()); // ids
  useEffect(() => {
    chosen.value = new Set();
    list.select(filter);
  }, [kind, filter.file, filter.error]);
  useEffect(() => onRefresh(() => list.refresh(), 5), [kind]);
  const choose = (change) => go(kind, '', { ...filter, ...change });
  const filtered = filter.file || filter.error;
  return html`<h1>${texts[kind].title}</h1>${texts[kind].note && list.total.value > 0 && html`<p class="muted">${texts[kind].note}</p>`}
    <div class="bar-of-list"><span class="muted" role="status">${shown(list.rows.value.length, list.total.value, 'chunk')}${list.answer.value && `, ${count(list.answer.value.items)} ${texts[kind].items}`}</span>
      ${filter.file && html`<span class="badge">of ${plain(filter.file)} <button type="button" class="small" aria-label="Show those of all files" onClick=${() => choose({ file: '' })}>×</button></span>`}
      <${Filter} name="Error" value=${filter.error} hint="part of the error" onChange=${(text) => choose({ error: text })} /></div>
    <${Failure} text=${list.error.value} />
    ${list.total.value === 0
      ? html`<${Empty}><p>${filtered ? 'No chunk matches.' : texts[kind].empty}</p></${Empty}>`
      : html`<${Groups} kind=${kind} list=${list} filter=${filter} choose=${choose} />
        <${Changes} kind=${kind} list=${list} filter=${filter} chosen=${chosen} />
        <${Rows} list=${list} columns=${columns(kind, chosen)} label=${'List of ' + texts[kind].title.toLowerCase()} />`}`;
}

// others is the group of the errors that have no group of their own, which no filter finds.
const others = '(other errors)';

function Groups({ list, filter, choose }) {
  const groups = list.answer.value?.groups ?? [];
  if (filter.error || !groups.some((g) => g.error)) return null; // one group without a text says nothing
  return html`<div class="scroll groups" tabindex="0" role="region" aria-label="List of errors"><table><thead><tr><th scope="col" class="grow">Error (# stands for numbers)</th><th scope="col" class="w-num">Chunks</th><th scope="col" class="w-num">Items</th></tr></thead>
    <tbody>${groups.map((g) => html`<tr key=${g.error}><td class="grow">${g.error && g.error !== others ? html`<button type="button" class="link" title=${plain(g.error)} onClick=${() => choose({ error: g.error })}>${plain(g.error)}</button>` : plain(g.error) || 'without a text'}</td>
      <td class="w-num">${count(g.chunks)}</td><td class="w-num">${count(g.items)}</td></tr>`)}</tbody></table></div>`;
}

// Changes are the actions on the chosen chunks, or on all that match.
function Changes({ kind, list, filter, chosen }) {
  if (role.value === 'read') return null;
  if (bulk.value) return html`<p role="status" class="actions">${bulk.value}</p>`;
  const n = chosen.value.size;
  const total = list.total.value ?? 0;
  const act = (verb) => change(kind, verb, n > 0 ? { ids: [...chosen.value] } : { filter: given(filter) }, n || total, () => {
    chosen.value = new Set();
    return list.refresh();
  });
  const which = n > 0 ? plural(n, 'chosen chunk') : `all ${plural(total, 'chunk')}${filter.file || filter.error ? ' that match' : ''}`;
  return html`<div class="actions" role="group" aria-label="Change chunks">
    <${Button} kind="main" onClick=${() => act('retry')}>Retry ${which}</${Button}>
    <${Button} kind="danger" onClick=${() => act('discard')}>Discard ${which}</${Button}>
    ${n > 0 && html`<${Button} onClick=${() => { chosen.value = new Set(); }}>Choose none</${Button}>`}</div>`;
}

// given leaves out the conditions that are empty.
const given = (filter) => Object.fromEntries(Object.entries(filter).filter(([, v]) => v));

const verbs = { retry: ['Retry', 'Retried'], discard: ['Discard', 'Discarded'] };

// change asks, and sends requests until every chunk that matched was reached: one changes at
// most 1,000.
async function change(kind, verb, which, expected, done) {
  const [name, past] = verbs[verb];
  if (!(await confirm(`${name} ${plural(expected, 'chunk')}?`, texts[kind][verb], `${name} ${plural(expected, 'chunk')}`))) return;
  let [matched, accepted, cursor] = [0, 0, ''];
  const refused = [];
  try {
    do {
      const answer = await send('POST', `${kind}/${verb}`, cursor ? { ...which, cursor } : which);
      matched = matched || answer.matched;
      accepted += answer.accepted;
      refused.push(...answer.refused);
      cursor = answer.next;
      bulk.value = `${past} ${count(accepted)} of ${plural(matched, 'chunk')}…`;
    } while (cursor);
    say(`${past}: ${plural(accepted, 'chunk')}.` + (refused.length > 0 ? ` Refused: ${count(refused.length)}, for example ${refused[0].id}: ${refused[0].reason}.` : ''), refused.length > 0 ? 'bad' : 'good');
  } finally {
    bulk.value = null;
    await done();
  }
}

function columns(kind, chosen) {
  const toggle = (id) => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  return [
    ...(role.value === 'read' ? [] : [{ name: 'Choose', kind: 'w-check', head: html`<span class="hidden">Choose</span>`, show: (x) => html`<input type="checkbox" aria-label=${'Choose ' + plain(x.chunk)} checked=${chosen.value.has(x.id)} onChange=${() => toggle(x.id)} />` }]),
    { name: 'File', kind: 'w-name', show: (x) => html`<a href=${href('file', x.file_id)} title=${plain(x.path)}>${plain(x.path)}</a>` },
    { name: 'Lines', kind: 'w-lines extra', show: (x) => count(x.first_line) + '–' + count(x.first_line + x.lines - 1) },
    { name: kind === 'dead' ? 'Items' : 'Failed', kind: 'w-num', show: (x) => count(kind === 'dead' ? x.items : x.items_failed) },
    { name: 'Attempts', kind: 'w-num extra', show: (x) => count(x.attempts) },
    { name: 'Last worker', kind: 'w-name wide', show: (x) => plain(x.workers.at(-1)) },
    { name: kind === 'dead' ? 'Error' : 'Chunk', kind: 'grow', show: (x) => html`<${Text} chunk=${x} text=${x.error || x.chunk} />` },
    { name: 'First item', kind: 'w-name extra', show: (x) => html`<span title=${plain(x.first_item)}>${plain(x.first_item)}</span>` },
    { name: 'Ended', kind: 'w-num wide', show: (x) => clock(x.ended_at) },
  ];
}
