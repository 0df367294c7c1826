// The keys, and the help that names them.
import { html, signal } from '../vendor/preact.js';
import { Dialog } from './parts.js';
import { go } from './state.js';

const stored = 'kafka-master-keys';

const views = { o: '', d: 'dead', f: 'failed', c: 'cluster', s: 'settings' };

export const keys = {
  help: signal(false),
  // on is false for people whose software types single letters for them.
  on: signal(localStorage.getItem(stored) !== 'off'),
  listen() {
    addEventListener('keydown', (e) => {
      if (!keys.on.value || e.ctrlKey || e.metaKey || e.altKey || e.target.closest?.('input, select, textarea, dialog')) return;
      if (press(e.key)) e.preventDefault();
    });
  },
};

function press(key) {
  if (key === '?') {
    keys.help.value = true;
    return true;
  }
  if (key === '/') {
    const filter = document.querySelector('[data-filter]');
    filter?.focus();
    filter?.select();
    return filter !== null;
  }
  if (!(key in views)) return false;
  go(views[key]);
  return true;
}

function turn(e) {
  keys.on.value = e.target.checked;
  localStorage.setItem(stored, e.target.checked ? 'on' : 'off');
}

// Help names the keys and the words of the page.
export const Help = () => keys.help.value && html`<${Dialog} title="Help" onClose=${() => { keys.help.value = false; }}>
  <table class="keys"><caption>Keys</caption><tbody>
    <tr><th scope="row"><kbd>/</kbd></th><td>filter the list of this view</td></tr>
    <tr><th scope="row"><kbd>?</kbd></th><td>this help</td></tr>
    <tr><th scope="row"><kbd>o</kbd> <kbd>d</kbd> <kbd>f</kbd> <kbd>c</kbd> <kbd>s</kbd></th><td>overview, dead chunks, failed items, cluster, settings</td></tr>
    <tr><th scope="row"><kbd>Esc</kbd></th><td>close a dialog</td></tr>
  </tbody></table>
  <p><label><input type="checkbox" checked=${keys.on.value} onChange=${turn} /> Single keys are on</label></p>
  <dl class="facts">
    <div class="fact"><dt>Chunk</dt><dd>a part of a file that one worker does at a time</dd></div>
    <div class="fact"><dt>Dead</dt><dd>a chunk that is not tried again until you retry it</dd></div>
    <div class="fact"><dt>Failed</dt><dd>single items that failed in a chunk that is done</dd></div>
    <div class="fact"><dt>Queue</dt><dd>chunks that are cut and wait for a worker</dd></div>
  </dl>
  <div class="buttons"><button type="button" class="main" onClick=${() => { keys.help.value = false; }}>Close</button></div>
</${Dialog}>`;
