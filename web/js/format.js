// How numbers, times and texts are shown.

const whole = new Intl.NumberFormat('en');
const none = '–';

// count shows a whole number.
export const count = (n) => (n == null ? none : whole.format(n));

// plural shows a number with its noun.
export const plural = (n, noun, nouns = noun + 's') => count(n) + ' ' + (n === 1 ? noun : nouns);

// rate shows items per second.
export function rate(n) {
  if (n == null) return none;
  return n > 0 && n < 10 ? n.toFixed(1) : count(Math.round(n));
}

// percent shows a share from 0 to 1. It says 100 % only when nothing is left.
export function percent(share) {
  if (share == null) return none;
  return (share >= 1 ? '100' : Math.min(99.9, share * 100).toFixed(1)) + ' %';
}

// bytes shows a size.
export function bytes(n) {
  if (n == null) return none;
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return (i > 0 && n < 9.95 ? n.toFixed(1) : Math.round(n)) + ' ' + units[i];
}

// duration shows seconds in at most two units.
export function duration(s) {
  if (s == null) return none;
  s = Math.max(0, Math.round(s));
  if (s < 60) return s + ' s';
  if (s < 600) return Math.floor(s / 60) + ' min' + (s % 60 ? ' ' + (s % 60) + ' s' : '');
  if (s < 3600) return Math.round(s / 60) + ' min';
  const h = Math.floor(s / 3600);
  if (h < 24) return h + ' h ' + Math.floor((s % 3600) / 60) + ' min';
  return Math.floor(h / 24) + ' d ' + (h % 24) + ' h';
}

// took shows how long something lasted that may have been short.
export const took = (s) => (s < 10 ? s.toFixed(1) + ' s' : duration(s));

// since returns the seconds from a time of the API to now.
export const since = (time, now) => (time ? Math.max(0, (now - Date.parse(time)) / 1000) : null);

// clock shows the time of day, and the date unless it is today.
export function clock(time, seconds = false) {
  if (!time) return none;
  const at = new Date(time);
  const day = at.toDateString() === new Date().toDateString() ? '' : at.toLocaleDateString('en-CA') + ' ';
  return day + at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit', second: seconds ? '2-digit' : undefined });
}

// eta shows the time that is left, and the time of day at which it ends.
export const eta = (time, now) => (time ? duration((Date.parse(time) - now) / 1000) + ' (' + clock(time) + ')' : none);

// plain makes a text from outside safe to look at: control characters, and marks that change
// the direction of writing, are shown as a question mark.
export const plain = (text) => String(text ?? '').replace(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '?');

// words turns a name of the API, such as done_with_rejects, into words.
export const words = (name) => plain(name).replaceAll('_', ' ');

// quoted makes one word of a shell command. A name with control characters is written with
// their numbers, so that nothing unseen is copied.
export function quoted(word) {
  if (/^[\w./:,@+=][\w./:,@+=-]*$/.test(word)) return word;
  if (plain(word) === word) return "'" + word.replaceAll("'", "'\\''") + "'";
  let out = "$'";
  for (const byte of new TextEncoder().encode(word)) {
    out += byte < 0x20 || byte > 0x7e || byte === 0x27 || byte === 0x5c ? '\\x' + byte.toString(16).padStart(2, '0') : String.fromCharCode(byte);
  }
  return out + "'";
}

// progress returns the share of a file that has ended, from 0 to 1. What was handed out is
// known in bytes, and how much of that has ended in items.
export function progress(file) {
  if (file.state === 'done' || file.state === 'done_with_rejects') return 1;
  if (!file.size || !file.items_cut) return 0;
  return (file.offset / file.size) * ((file.items_done + file.items_failed + file.items_dead) / file.items_cut);
}
