// Small parts that several views use.
import { html, signal, useEffect, useRef, useSignal } from '../vendor/preact.js';
import { count, duration, plain, plural, since, words } from './format.js';
import { get } from './api.js';
import { looked } from './attention.js';
import { on } from './live.js';
import { now, role, say } from './state.js';

// State shows a state as a word; its colour only repeats that.
export const State = ({ of }) => html`<span class=${'state is-' + of}>${words(of)}</span>`;

// Ago shows how long something lasts or how long ago it was.
export const Ago = ({ time }) => html`<span title=${time ?? ''}>${duration(since(time, now.value))}</span>`;

// Bar shows what of a file is done, has failed or is dead, and was handed out.
export function Bar({ done, bad, label, text }) {
  const width = (share) => ({ width: Math.min(100, share * 100) + '%' });
  return html`<div class="bar" role="progressbar" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
      aria-valuenow=${Math.floor((done + bad) * 100)} aria-valuetext=${text}>
    <div class="bar-done" style=${width(done)}></div><div class="bar-bad" style=${width(bad)}></div>
  </div>`;
}

// Command shows a command and copies it.
export function Command({ text }) {
  const copied = useSignal(false);
  const code = useRef();
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      getSelection().selectAllChildren(code.current); // without TLS there is no clipboard: the text is marked
      if (!document.execCommand('copy')) return;
    }
    copied.value = true;
    setTimeout(() => { copied.value = false; }, 2000);
  }
  return html`<span class="command"><code ref=${code}>${text}</code>
    <button type="button" class="small" onClick=${copy} aria-label=${'Copy the command ' + text}>${copied.value ? 'Copied' : 'Copy'}</button></span>`;
}

// Empty says that there is nothing, and what to do about it.
export const Empty = ({ children }) => html`<div class="empty">${children}</div>`;

// Failure shows why a list or a view could not be read.
export const Failure = ({ text }) => (text ? html`<p class="failure" role="alert">${plain(text)}</p>` : null);

// Button is a button of an action. It cannot be pressed twice, and not at all by somebody who
// may only read.
export function Button({ onClick, kind = '', label, children }) {
  const busy = useSignal(false);
  if (role.value === 'read') return null;
  async function press() {
    busy.value = true;
    try {
      await onClick();
    } catch (cause) {
      say(cause.message, 'bad');
    } finally {
      busy.value = false;
    }
  }
  return html`<button type="button" class=${kind} disabled=${busy.value} onClick=${press} aria-label=${label}>${children}</button>`;
}

// question is the confirmation that is open, or null.
const question = signal(null);

// confirm asks before something that cannot be undone. It returns whether it was confirmed.
export const confirm = (title, text, action) => new Promise((resolve) => { question.value = { title, text, action, resolve }; });

// Confirmation is the dialog of confirm.
export function Confirmation() {
  const q = question.value;
  function end(answer) {
    question.value = null;
    q.resolve(answer);
  }
  return q && html`<${Dialog} title=${q.title} onClose=${() => end(false)}>
    <p>${q.text}</p>
    <div class="buttons">
      <button type="button" onClick=${() => end(false)}>Keep everything as it is</button>
      <button type="button" class="danger" onClick=${() => end(true)}>${q.action}</button>
    </div>
  </${Dialog}>`;
}

// Dialog is a modal dialog. The browser keeps the focus in it, and Escape closes it.
export function Dialog({ title, onClose, children }) {
  const dialog = useRef();
  useEffect(() => { dialog.current.showModal(); }, []);
  return html`<dialog ref=${dialog} aria-labelledby="dialog-title" onCancel=${(e) => { e.preventDefault(); onClose(); }}>
    <h2 id="dialog-title">${title}</h2>${children}
  </dialog>`;
}

// Filter is the field that the key / leads to. It reports what was typed once the typing pauses.
export function Filter({ name, value, hint, onChange }) {
  const text = useSignal(value);
  const told = useRef(value);
  const timer = useRef(0);
  useEffect(() => {
    if (value === told.current) return; // what was typed here, while more may be typed already
    clearTimeout(timer.current);
    told.current = value;
    text.value = value;
  }, [value]);
  useEffect(() => () => clearTimeout(timer.current), []);
  function type(e) {
    text.value = e.target.value;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      told.current = text.value;
      onChange(text.value);
    }, 250);
  }
  return html`<label>${name} <input type="search" data-filter value=${text.value} onInput=${type} placeholder=${hint} /></label>`;
}

// Fact is a term and its value.
export const Fact = ({ name, children }) => html`<div class="fact"><dt>${name}</dt><dd>${children}</dd></div>`;

// useAnswer asks a question when the view opens, when its parameters change, after each poll,
// and every so many seconds while events are followed. It returns the last answer, the error,
// and a function that asks again.
export function useAnswer(path, params = {}, every = 5) {
  const answer = useSignal(null);
  const error = useSignal(null);
  const ask = useRef(() => {});
  const text = JSON.stringify(params);
  useEffect(() => {
    let current = true;
    let busy = false; // a call may wait for the token for as long as the tab is open
    let again = false; // it was asked meanwhile
    const stop = new AbortController();
    ask.current = async () => {
      if (busy) {
        again = true;
        return;
      }
      busy = true;
      try {
        const body = await get(path, params, stop.signal);
        if (!current) return;
        answer.value = body;
        error.value = null;
      } catch (cause) {
        if (current && cause.status !== 0 && cause.status !== 503) error.value = cause;
      } finally {
        busy = false;
        if (again && current && looked.peek()) {
          again = false;
          ask.current();
        }
      }
    };
    answer.value = null;
    error.value = null;
    ask.current();
    const off = onRefresh(() => ask.current(), every);
    return () => {
      current = false;
      stop.abort();
      off();
    };
  }, [path, text]);
  return { answer: answer.value, error: error.value, again: () => ask.current() };
}

// onRefresh calls refresh after each poll, and every so many seconds while somebody looks.
export function onRefresh(refresh, every) {
  const off = on('poll', refresh);
  const timer = setInterval(() => { if (looked.peek()) refresh(); }, every * 1000);
  return () => {
    off();
    clearInterval(timer);
  };
}

// shown says how many of all entries are read.
export const shown = (rows, total, noun) => (total === null ? 'reading…' : rows < total ? `showing ${count(rows)} of ${plural(total, noun)}` : plural(total, noun));
