// What the master can do: masters of different versions serve one another's pages, and a
// control is shown only if the leader knows its call.
import { signal } from '../vendor/preact.js';
import { get } from './api.js';

const known = signal(new Set());

// can reports whether the API has a call.
export const can = (method, path) => known.value.has(method + ' ' + path);

// learn reads the calls that the API describes.
export async function learn() {
  try {
    const { paths = {} } = await get('openapi.json');
    const calls = new Set();
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) calls.add(method.toUpperCase() + ' ' + path.replace(/^\/api\/v1/, ''));
    }
    known.value = calls;
  } catch {
    // The page shows what it has read; the link tells that there is no answer.
  }
}
