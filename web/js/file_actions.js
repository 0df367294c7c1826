// What can be done with a file.
import { html } from '../vendor/preact.js';
import { can } from './abilities.js';
import { send } from './api.js';
import { NumberField } from './fields.js';
import { count, plain, plural } from './format.js';
import { Button, confirm } from './parts.js';
import { role, say } from './state.js';

const path = (file) => 'files/' + file.id;

// isPaused reports whether a person, or MAX_DEAD, holds the file back. To resume it ends both.
export const isPaused = (file) => Boolean(file.paused_by || file.paused);

async function pause(file, paused) {
  await send('PATCH', path(file), { paused });
  say((paused ? 'Paused: ' : 'Resumed: ') + file.path);
}

async function cancel(file) {
  const text = `Nothing more of ${plain(file.path)} is handed out. ${plural(file.chunks_running, 'chunk')} at workers may end; ${plural(file.chunks_ready, 'waiting chunk')} and everything that is not cut yet will never run. What is done stays done.`;
  if (!(await confirm('Cancel this file?', text, 'Cancel the file'))) return;
  await send('POST', path(file) + '/cancel');
  say('Cancelled: ' + file.path);
}

// FileActions are the buttons of a file in work.
export function FileActions({ file }) {
  if (file.state !== 'running' || role.value === 'read') return null;
  const name = plain(file.path);
  return html`${can('PATCH', '/files/{id}') && (isPaused(file)
    ? html`<${Button} kind="small" label=${'Resume ' + name} onClick=${() => pause(file, false)}>Resume</${Button}>`
    : html`<${Button} kind="small" label=${'Pause ' + name} onClick=${() => pause(file, true)}>Pause</${Button}>`)}
    ${can('POST', '/files/{id}/cancel') && html`<${Button} kind="small danger" label=${'Cancel ' + name} onClick=${() => cancel(file)}>Cancel</${Button}>`}`;
}

// Order changes when a file gets its turn: its priority first, then its share among equals.
export function Order({ file }) {
  if (file.state !== 'running' || !can('PATCH', '/files/{id}')) return null;
  const set = (field, name) => async (value) => {
    const answer = await send('PATCH', path(file), { [field]: value });
    say(`${name} of ${file.path}: ${count(answer.old[field])} → ${count(answer.new[field])}`);
  };
  return html`<${NumberField} id="file-priority" name="Priority" now=${file.priority} min=${-10} max=${10} hint="−10 to 10; higher goes first" set=${set('priority', 'Priority')} />
    <${NumberField} id="file-share" name="Share" now=${file.share} min=${1} max=${100} hint="1 to 100, among files of one priority" set=${set('share', 'Share')} />`;
}
