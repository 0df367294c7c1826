// The frame of the page: its head, the view that the address names, and what every view has.
import { effect, html, render, useEffect, useRef, useSignal } from '../vendor/preact.js';
import { can, deployment, learn } from './abilities.js';
import { asking } from './api.js';
import { held } from './attention.js';
import { Cluster } from './cluster.js';
import { Details } from './details.js';
import { File } from './file.js';
import { duration, plain } from './format.js';
import { Help, keys } from './keys.js';
import { Letters } from './letters.js';
import { live } from './live.js';
import { Overview } from './overview.js';
import { Confirmation, Dialog } from './parts.js';
import { Settings } from './settings.js';
import { dismiss, follow, href, link, messages, now, overview, role, route } from './state.js';
import { Worker } from './worker.js';

const views = {
  '': { title: 'Overview', view: () => html`<${Overview} />` },
  file: { title: 'File', view: (arg) => html`<${File} key=${arg} id=${arg} />` },
  worker: { title: 'Worker', view: (arg) => html`<${Worker} key=${arg} id=${arg} />` },
  dead: { title: 'Dead chunks', view: () => html`<${Letters} key="dead" kind="dead" />` },
  failed: { title: 'Failed items', view: () => html`<${Letters} key="failed" kind="failed" />` },
  cluster: { title: 'Cluster', view: () => html`<${Cluster} />` },
  settings: { title: 'Settings', view: () => html`<${Settings} />` },
};

// tabs are the views of the head, and the call without which there is nothing to see.
const tabs = [[''], ['dead'], ['failed'], ['cluster', '/masters'], ['settings', '/settings']];

function Page() {
  const { name, arg } = route.value;
  const found = views[name];
  return html`<a class="skip" href="#main" onClick=${toMain}>Skip to the content</a>
    <${Head} />
    <main id="main" tabindex="-1" class=${(name || 'overview') + (link.value.state === 'lost' ? ' lost' : '')}>
      ${found ? found.view(arg) : html`<h1>Nothing is here</h1><p>The address names no view. <a href="#/">Overview</a></p>`}
    </main>
    <${Messages} /><${Confirmation} /><${Details} /><${Token} /><${Help} />`;
}

function toMain(e) {
  e.preventDefault(); // the address names the view, not a place in it
  document.getElementById('main').focus();
}

function Head() {
  const o = overview.value;
  return html`<header>
    <a class="brand" href="#/"><img src="icon.svg" alt="" width="24" height="24" /> Kafka Master</a>
    <nav aria-label="Views">${tabs.filter(([, call]) => !call || can('GET', call)).map(([name]) => html`<a href=${href(name)} aria-current=${route.value.name === name ? 'page' : null}>
      ${short(views[name].title)}</a>`)}</nav>
    <div class="badges">
      ${role.value === 'read' && html`<span class="badge is-warn">read only</span>`}
      ${deployment.value.embedded.length > 0 && html`<span class="badge" title="These parts run in the master itself. KAFKA_BROKER_ADDRESS and REDIS_URL name your own.">embedded<span class="mid"> ${deployment.value.embedded.join(' and ')}</span></span>`}
      ${o && html`<span class="badge" title="the master that leads, and the number of its term"><span class="mid">${link.value.state === 'lost' ? 'last led by' : 'leader'} </span>${plain(o.leader.master_id)}, term ${o.term}</span>`}
      <${Link} /><${Hold} />
      <button type="button" class="small" aria-label="Help and keys" onClick=${() => { keys.help.value = true; }}>?</button>
    </div>
  </header>`;
}

// short leaves out the second word of a title on a narrow screen.
function short(title) {
  const [first, ...rest] = title.split(' ');
  return html`${first}${rest.map((word) => html`<span class="mid"> ${word}</span>`)}`;
}

// Link shows how the page is connected. The seconds are not read aloud.
function Link() {
  const { state, cause, since } = link.value;
  if (state !== 'lost') return html`<span class=${'badge is-' + state} role="status" title=${cause}>${state}</span>`;
  return html`<span class="badge is-lost"><span role="status">${plain(cause)}</span><span aria-hidden="true"> for ${duration((now.value - since) / 1000)}</span></span>`;
}

// Hold stops the page from changing while somebody reads it.
const Hold = () => html`<button type="button" class="small" onClick=${() => { held.value = !held.value; }}>${held.value ? 'Go on' : 'Hold'}</button>`;

const Messages = () => html`<div class="messages" aria-live="polite">${messages.value.map((m) => html`<p key=${m.key} class=${m.kind}>
  ${plain(m.text)} <button type="button" class="small" aria-label="Close this message" onClick=${() => dismiss(m.key)}>×</button></p>`)}</div>`;

// Token asks for the token. It is kept for this tab only.
function Token() {
  const input = useRef();
  const question = asking.value;
  if (!question) return null;
  function enter(e) {
    e.preventDefault();
    const token = input.current.value.trim();
    if (token) question.enter(token);
  }
  return html`<${Dialog} title="This master asks for a token" onClose=${() => {}}>
    <form onSubmit=${enter}>
      ${question.refused && html`<p class="failure" role="alert">The token was refused.</p>`}
      <p><label for="token">API_TOKEN, or API_READ_TOKEN to look only. It is kept until this tab is closed.</label></p>
      <p><input id="token" ref=${input} type="password" autocomplete="current-password" required /></p>
      <div class="buttons"><button type="submit" class="main">Go on</button></div>
    </form>
  </${Dialog}>`;
}

follow();
effect(() => {
  const { name, arg } = route.value;
  document.title = [plain(arg), views[name]?.title, 'Kafka Master'].filter(Boolean).join(' – ');
});
keys.listen();
render(html`<${Page} />`, document.getElementById('page'));
learn();
live();
