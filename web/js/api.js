// Calls of the API. Every address is relative, so that the page works below any prefix.
import { signal } from '../vendor/preact.js';

const base = 'api/v1/';
const stored = 'kafka-master-token';

// Refused is the error of an answer that is no success. Its status is 0 if there is none.
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

// asking is the question for the token while it is open: whether one was refused, and what
// to do with the answer.
export const asking = signal(null);

let asked = null;

// askToken returns a promise that ends when a token was entered.
function askToken(used) {
  if (used !== (sessionStorage.getItem(stored) ?? '')) return Promise.resolve(); // a newer one is there
  asked ??= new Promise((resolve) => {
    asking.value = {
      refused: used !== '',
      enter(token) {
        sessionStorage.setItem(stored, token);
        asking.value = null;
        asked = null;
        resolve();
      },
    };
  });
  return asked;
}

// open sends a request with the token, and asks for the token when it is needed.
export async function open(path, options = {}) {
  for (;;) {
    const token = sessionStorage.getItem(stored) ?? '';
    const headers = { ...options.headers };
    if (token) headers.Authorization = 'Bearer ' + token;
    let answer;
    try {
      answer = await fetch(base + path, { ...options, headers, cache: 'no-store', credentials: 'same-origin' });
    } catch (cause) {
      if (cause.name === 'AbortError') throw cause;
      throw new Refused(0, 'No answer from the master.');
    }
    if (answer.status === 401) {
      await askToken(token);
      continue;
    }
    if (!answer.ok) throw await refusal(answer);
    return answer;
  }
}

// refusal reads the error of an answer: a problem document, or a sentence.
async function refusal(answer) {
  const text = (await answer.text()).slice(0, 2000);
  if ((answer.headers.get('Content-Type') ?? '').includes('json')) {
    try {
      const problem = JSON.parse(text);
      const places = (problem.errors ?? []).map((e) => [e.location, e.message].filter(Boolean).join(': '));
      return new Refused(answer.status, [problem.detail || problem.title, ...places].filter(Boolean).join(' – '));
    } catch {
      // Not what it claims to be: the text itself is shown.
    }
  }
  return new Refused(answer.status, text.trim() || 'The answer was ' + answer.status + '.');
}

// query joins a path and its parameters; empty ones are left out.
export function query(path, params = {}) {
  const text = new URLSearchParams(Object.entries(params).filter(([, v]) => v !== '' && v != null)).toString();
  return text ? path + '?' + text : path;
}

// get asks a question.
export async function get(path, params, signal) {
  return (await open(query(path, params), { signal })).json();
}

// send makes a change.
export async function send(method, path, body) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { 'Content-Type': 'application/json' };
  }
  const answer = await open(path, options);
  const text = await answer.text();
  return text ? JSON.parse(text) : null;
}
