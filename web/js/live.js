// Keeps the page up to date: by events, or by asking again and again while these do not come.
// A tab that nobody sees does neither.
import { batch } from '../vendor/preact.js';
import { get, open } from './api.js';
import { held, looked, onUnseen, seen } from './attention.js';
import { addNotice, connected, link, now, overview, role } from './state.js';

const pollEvery = 2000;
const silence = 40_000; // the server writes at least every 15 s
const greeting = 5000; // a proxy that holds events back is not waited for longer
const retryEvents = 30_000;
const checkEvery = 5000; // a stream stays open for a while after the leader behind it has gone

const listeners = new Map(); // by the name of an event

// on calls handle for each event of a kind, until the function that it returns is called.
// The event "poll" means that what is shown should be asked for again.
export function on(kind, handle) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(handle);
  return () => listeners.get(kind).delete(handle);
}

const tell = (kind, data) => listeners.get(kind)?.forEach((handle) => handle(data));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let eventsFrom = 0; // no events are asked for before this time

// live runs for as long as the page is open.
export async function live() {
  setInterval(() => { if (looked.peek()) now.value = Date.now(); }, 1000);
  for (;;) {
    if (held.peek()) connected('held', 'Nothing is asked until you go on.');
    await seen();
    now.value = Date.now();
    if (Date.now() >= eventsFrom) {
      const greeted = (await meet()) && (await followEvents());
      if (!greeted && looked.peek()) eventsFrom = Date.now() + retryEvents;
      if (!looked.peek()) continue;
    }
    await poll(); // asks at once after events broke, so that a lost leader shows
    await pause(pollEvery);
  }
}

// meet asks who the caller is. It waits for as long as the token is asked for, so that what
// follows need not. It reports whether there is an answer.
async function meet() {
  try {
    role.value = (await get('caller')).role;
  } catch (cause) {
    return cause.status === 404; // a leader of an older version
  }
  return true;
}

// poll asks for the overview, and lets every view ask for what it shows.
async function poll() {
  try {
    await meet();
    const answer = await get('overview');
    batch(() => {
      overview.value = answer;
      connected('polling', 'Events do not arrive; the page asks every two seconds.');
    });
    tell('poll');
  } catch (cause) {
    lost(cause);
  }
}

// lost shows why there is no answer. Events are asked for again as soon as there is one.
function lost(cause) {
  eventsFrom = 0;
  connected('lost', cause.status === 0 || cause.status === 502 || cause.status === 504 ? 'no answer' : cause.status === 503 ? 'no leader' : cause.message);
}

let lastID = '';

// followEvents reads events until they end, and reports whether there were any.
async function followEvents() {
  const stop = new AbortController();
  const noMore = onUnseen(() => stop.abort());
  const watchdog = new Watchdog(() => stop.abort());
  let greeted = false;
  const check = setInterval(async () => {
    try {
      overview.value = await get('overview', {}, stop.signal);
    } catch {
      stop.abort();
    }
  }, checkEvery);
  try {
    watchdog.feed(greeting);
    const answer = await open('events', {
      headers: { Accept: 'text/event-stream', ...(lastID && { 'Last-Event-ID': lastID }) }, signal: stop.signal,
    });
    for await (const event of events(answer.body, () => greeted && watchdog.feed(silence))) {
      greeted = true;
      watchdog.feed(silence);
      if (event.id) lastID = event.id;
      receive(event);
    }
  } catch {
    // Whatever ended the events, the next answer to the overview tells what is wrong.
  } finally {
    clearInterval(check);
    watchdog.end();
    stop.abort();
    noMore();
  }
  return greeted;
}

// Watchdog calls bite when it is not fed in time.
class Watchdog {
  constructor(bite) {
    this.bite = bite;
  }

  feed(ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(this.bite, ms);
  }

  end() {
    clearTimeout(this.timer);
  }
}

// receive shows one event.
function receive(event) {
  const data = event.data ? JSON.parse(event.data) : null;
  if (link.value.state !== 'live') {
    connected('live');
    catchUp();
  }
  switch (event.kind) {
    case 'hello':
      break;
    case 'overview':
      overview.value = data;
      break;
    case 'notice':
      addNotice(data);
      break;
    case 'stale':
      catchUp();
      break;
    default:
      tell(event.kind, data);
  }
}

// catchUp asks for everything that is shown: events tell only what changes from now on.
async function catchUp() {
  tell('poll');
  try {
    overview.value = await get('overview');
  } catch {
    // The events end when there is no answer, and the next poll tells why.
  }
}

// events parses a stream of server-sent events. It calls alive for whatever arrives, comments
// as well.
async function* events(body, alive) {
  let rest = '';
  let event = { kind: 'message', data: '', id: '' };
  for await (const text of chunks(body)) {
    alive();
    rest += text;
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === '') {
        if (event.data) yield event;
        event = { kind: 'message', data: '', id: '' };
        continue;
      }
      const [, field, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line);
      if (field === 'event') event.kind = value;
      else if (field === 'id') event.id = value;
      else if (field === 'data') event.data += (event.data && '\n') + value;
    }
  }
}

async function* chunks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}
