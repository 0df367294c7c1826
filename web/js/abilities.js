// What the master can do: masters of different versions serve one another's pages, and a
// control is shown only if the leader knows its call.
import { signal } from '../vendor/preact.js';
import { get } from './api.js';

const known = signal(new Set());

// can reports whether the API has a call.
export const can = (method, path) => known.value.has(method + ' ' + path);

// canCall reports whether the API has a call whose path has its parameters filled in.
export function canCall({ method, path }) {
  const parts = ('/' + path).split('/');
  return [...known.value].some((call) => {
    const [verb, template] = call.split(' ');
    const names = template.split('/');
    return verb === method && names.length === parts.length && names.every((name, i) => name === parts[i] || /^{.*}$/.test(name));
  });
}

// learn reads the calls that the API describes.
export async function learn() {
  try {
    const { paths = {} } = await get('openapi.json');
    const calls = new Set();
    for (const [path, methods] of Object.entries(paths)) {
      for (const method of Object.keys(methods)) calls.add(method.toUpperCase() + ' ' + path.replace(/^\/api\/v1/, ''));
    }
    known.value = calls;
    if (can('GET', '/settings')) deployment.value = describe(await get('settings'));
  } catch {
    // The page shows what it has read; the link tells that there is no answer.
  }
}

// deployment tells which parts run in the master itself, and where the input is, as far as
// the settings say.
export const deployment = signal({ embedded: [], input: 'input_ip_data' });

function describe({ settings }) {
  const value = Object.fromEntries(settings.map((s) => [s.name, s.value]));
  const embedded = [];
  if (!value.KAFKA_BROKER_ADDRESS) embedded.push('broker');
  if (!value.REDIS_URL) embedded.push('state');
  const input = [value.CLIENT_DATA_PATH, value.INPUT_DIR].filter((part) => part && part !== '.').join('/');
  return { embedded, input: value.SMB_HOST || !input ? '' : input };
}
