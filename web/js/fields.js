// A number that can be changed: the button that applies it shows once another one is typed.
import { html, useSignal } from '../vendor/preact.js';
import { Button } from './parts.js';
import { role } from './state.js';

// NumberField shows a number with its name, and calls set with another one. Its label names
// it for those who do not see what stands beside it.
export function NumberField({ id, name, label, now, min, max, hint, fixed = false, small = false, set }) {
  const text = useSignal(null); // what was typed and not applied
  async function apply() {
    if (text.value !== '') await set(Number(text.value)); // what was emptied gets the number back that it had
    text.value = null;
  }
  const locked = fixed || role.value === 'read' || now == null;
  return html`<span class="field">${name && html`<label for=${id}>${name}</label>`}
    <input id=${id} type="number" class=${small ? 'tiny' : 'short'} min=${min} max=${max} aria-label=${label} aria-describedby=${hint && id + '-hint'} disabled=${locked}
      value=${text.value ?? now ?? ''} onInput=${(e) => { text.value = e.target.value; }} />
    ${text.value !== null && html`<${Button} kind=${small ? 'small' : ''} label=${'Apply the ' + (label ?? name.toLowerCase())} onClick=${apply}>Apply</${Button}>`}
    ${hint && html`<span id=${id + '-hint'} class="muted">${hint}</span>`}</span>`;
}
