// The settings in force, those that can be changed while the master runs, and who did.
import { html } from '../vendor/preact.js';
import { can } from './abilities.js';
import { Empty, Failure, useAnswer } from './parts.js';
import { plain } from './format.js';

export function Settings() {
  if (!can('GET', '/settings')) return html`<h1>Settings</h1><${Empty}><p>This master does not show its settings here; kafka-master config prints them.</p></${Empty}>`;
  const { answer, error } = useAnswer('settings');
  return html`<h1>Settings</h1><${Failure} text=${error?.message} /><pre>${plain(JSON.stringify(answer))}</pre>`;
}
