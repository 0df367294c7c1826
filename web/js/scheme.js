// The colours of the style sheet, for what is drawn.
import { signal } from '../vendor/preact.js';

const names = ['text', 'muted', 'line', 'accent', 'uncut', 'done', 'running', 'queued', 'ready', 'back_off', 'failed', 'dead'];

function read() {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue('--' + name.replace('_', '-')).trim()]));
}

// scheme holds the colours in force. They change with the light or dark setting.
export const scheme = signal(read());

const update = () => { scheme.value = read(); };
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', update);
addEventListener('load', update); // the style sheet may come after this module
