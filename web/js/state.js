// What every view shows a part of.
import { signal } from '../vendor/preact.js';

// overview is the last answer of the API's overview, null before the first one.
export const overview = signal(null);

// link tells how the page is connected: connecting, live (by events), polling, or lost, and
// since when. Its cause is a sentence.
export const link = signal({ state: 'connecting', since: Date.now(), cause: '' });

// role is what the caller may do: api for everything, or read.
export const role = signal('api');

// notices are the last events, newest first.
export const notices = signal([]);

// now is the present time. It advances every second while somebody looks.
export const now = signal(Date.now());

// route is the view that the address names: its name, argument and parameters.
export const route = signal({ name: '', arg: '', params: new URLSearchParams() });

// messages are the results of actions, which are shown for a while.
export const messages = signal([]);

const shownNotices = 200;

// connected changes the state of the link; the time of a state that lasts stays.
export function connected(state, cause = '') {
  const was = link.value;
  link.value = { state, cause, since: was.state === state ? was.since : Date.now() };
}

// addNotice puts an event before the others.
export function addNotice(notice) {
  notices.value = [notice, ...notices.value].slice(0, shownNotices);
}

let lastMessage = 0;

// say shows the result of an action: good or bad.
export function say(text, kind = 'good') {
  const message = { key: ++lastMessage, text, kind };
  messages.value = [...messages.value.slice(-3), message];
  setTimeout(() => dismiss(message.key), kind === 'good' ? 6000 : 20000);
}

// dismiss removes a message.
export function dismiss(key) {
  messages.value = messages.value.filter((m) => m.key !== key);
}

// go opens a view.
export function go(name, arg = '', params = {}) {
  location.hash = href(name, arg, params);
}

// href returns the address of a view.
export function href(name, arg = '', params = {}) {
  const query = new URLSearchParams(Object.entries(params).filter(([, v]) => v)).toString();
  return '#/' + name + (arg === '' ? '' : '/' + encodeURIComponent(arg)) + (query ? '?' + query : '');
}

// follow keeps route equal to the address.
export function follow() {
  const read = () => {
    const [path, query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
    const [name, arg = ''] = path.split(/\/(.*)/s);
    let decoded = arg;
    try {
      decoded = decodeURIComponent(arg);
    } catch {
      // An address that was typed by hand: it is taken as it is.
    }
    route.value = { name, arg: decoded, params: new URLSearchParams(query) };
  };
  addEventListener('hashchange', read);
  read();
}
