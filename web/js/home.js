// What can be taken home of a file: downloads, and the commands for what is not there.
import { html, useEffect } from '../vendor/preact.js';
import { can } from './abilities.js';
import { get } from './api.js';
import { bytes, plain, plural, quoted } from './format.js';
import { Command, useAnswer } from './parts.js';
import { say } from './state.js';

const listOf = (id) => 'files/' + id + '/downloads';

// address returns where a download is.
const address = (id, href) => new URL(href, new URL('api/v1/' + listOf(id), document.baseURI)).href;

// save has the browser save a download.
function save(id, d) {
  const link = document.createElement('a');
  link.href = address(id, d.href);
  link.download = d.name;
  link.click();
}

// fetchAndSave asks for a link that is good now, and saves what it leads to, or says why there
// is none.
async function fetchAndSave(e, id, kind) {
  e.preventDefault();
  try {
    const d = (await get(listOf(id))).downloads.find((x) => x.kind === kind);
    if (d?.href) save(id, d);
    else say(d?.missing ?? 'This cannot be downloaded.', 'bad');
  } catch (cause) {
    say(cause.message, 'bad');
  }
}

// Results is a link to the results of a file that has ended.
export function Results({ file }) {
  if (!file.ended_at || file.chunks_done === 0 || !can('GET', '/files/{id}/results')) return null;
  return html`<a href=${address(file.id, 'results')} download aria-label=${'Download the results of ' + plain(file.path)} onClick=${(e) => fetchAndSave(e, file.id, 'results')}>Results</a>`;
}

const titles = {
  results: 'The results, in the order of the lines', failed: 'The failed items, with the reason of each', 'failed-lines': 'The failed items, as lines to run again',
  joblog: 'Who did which chunk when', summary: 'Counts, times, workers and hashes',
};
const order = Object.keys(titles);

// TakeHome shows the downloads of a file, and commands.
export function TakeHome({ file }) {
  return html`<section aria-labelledby="home-title"><h2 id="home-title">Take it home</h2>
    ${can('GET', '/files/{id}/downloads') ? html`<${Downloads} file=${file} />` : html`<ul class="commands">${merge(file)}${joblog(file)}</ul>`}
    <ul class="commands"><${More} file=${file} /></ul></section>`;
}

function Downloads({ file }) {
  const { answer, error, again } = useAnswer(listOf(file.id), {}, 15);
  useEffect(() => { if (answer) again(); }, [file.state, file.merged_at, file.chunks_done > 0]);
  if (error) return html`<p class="failure" role="alert">${plain(error.message)}</p>`;
  if (!answer) return html`<p class="muted">Reading…</p>`;
  const all = Object.fromEntries(answer.downloads.map((d) => [d.kind, d]));
  return html`${all.results?.missing && html`<p>${plain(all.results.missing)}</p>`}
    ${all.joblog?.missing && all.joblog.missing !== all.results?.missing && html`<p>${plain(all.joblog.missing)}</p>`}
    <ul class="commands">
    ${all.results?.missing && merge(file)}
    ${order.filter((kind) => all[kind]?.href).map((kind) => html`<li key=${kind}><span>${titles[kind]}</span><${Link} id=${file.id} d=${all[kind]} until=${answer.expires_at} /></li>`)}
    ${all.joblog?.missing && file.chunks_done > 0 && joblog(file)}</ul>`;
}

// Link is a link to a download, with what is known of it.
function Link({ id, d, until }) {
  const expired = (e) => { if (until && Date.parse(until) <= Date.now()) fetchAndSave(e, id, d.kind); };
  const facts = [d.bytes != null && bytes(d.bytes), d.lines != null && plural(d.lines, 'line'), d.partial && 'a part: results are missing'].filter(Boolean);
  return html`<a href=${address(id, d.href)} download=${d.name} onClick=${expired}>${plain(d.name)}</a> <span class="muted">${facts.join(', ')}</span>`;
}

const nameOf = (file) => (file.path.startsWith('-') ? '-- ' : '') + quoted(file.path);

const command = (text, line) => html`<li key=${line}><span>${text}</span><${Command} text=${line} /></li>`;

const merge = (file) => file.state !== 'running' && command('One result in the order of the lines, one list of what failed', 'kafka-master merge ' + (file.state === 'cancelled' ? '--partial ' : '') + nameOf(file));

const joblog = (file) => command('Who did which chunk when', 'kafka-master joblog ' + nameOf(file));

// More shows the commands for what the page does not have.
function More({ file }) {
  return [
    file.state !== 'running' && command('Proof that every line is accounted for', 'kafka-master verify ' + nameOf(file)),
    file.items_failed > 0 && command('The failed items', 'kafka-master failed ls --file=' + quoted(file.path)),
    file.items_dead > 0 && command('The dead chunks', 'kafka-master dead ls --file=' + quoted(file.path)),
  ];
}
