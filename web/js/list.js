// A list of the API that is read page by page, and kept up to date.
import { batch, signal } from '../vendor/preact.js';
import { get } from './api.js';

const pageSize = 100;
const mostAtOnce = 1000;

// List reads a list. Its noun is the key of the entries in the answer; compare orders them.
export class List {
  rows = signal([]);
  total = signal(null); // null before the first answer
  error = signal('');
  answer = signal(null); // the whole last answer for a first page
  #path;
  #noun;
  #compare;
  #key;
  #params = {};
  #next = '';
  #generation = 0; // of the parameters: answers for earlier ones are dropped
  #reading = false;

  constructor(path, noun, { compare, key = 'id' }) {
    this.#path = path;
    this.#noun = noun;
    this.#compare = compare;
    this.#key = key;
  }

  // select begins again with other parameters.
  select(params) {
    this.#params = params;
    this.#generation++;
    this.#reading = false;
    batch(() => {
      this.rows.value = [];
      this.total.value = null;
      this.error.value = '';
    });
    return this.#read('', pageSize);
  }

  // refresh reads what is shown again.
  refresh() {
    if (this.#reading) return;
    return this.#read('', Math.min(mostAtOnce, Math.max(pageSize, this.rows.value.length)));
  }

  // more reads the next page, if there is one.
  more() {
    if (!this.#next || this.#reading) return;
    return this.#read(this.#next, pageSize * 2);
  }

  async #read(cursor, limit) {
    const generation = this.#generation;
    this.#reading = true;
    try {
      const answer = await get(this.#path, { ...this.#params, cursor, limit });
      if (generation !== this.#generation) return;
      batch(() => {
        this.error.value = '';
        this.total.value = answer.total;
        if (!cursor) this.answer.value = answer;
        this.#take(answer, cursor);
      });
    } catch (cause) {
      if (generation === this.#generation && cause.status !== 503 && cause.status !== 0) this.error.value = cause.message;
    } finally {
      if (generation === this.#generation) this.#reading = false;
    }
  }

  // take puts a page into the list. After a first page, what was read behind it stays.
  #take(answer, cursor) {
    const page = answer[this.#noun];
    let before = [];
    let behind = [];
    if (cursor) {
      before = this.rows.value;
    } else if (page.length > 0 && answer.next && this.rows.value.length > page.length) {
      const last = page.at(-1);
      behind = this.rows.value.filter((row) => this.#compare(row, last) > 0);
    }
    if (behind.length === 0) this.#next = answer.next ?? '';
    this.rows.value = [...before, ...page, ...behind];
  }

  // patch takes rows that changed. Those that no longer match are removed; new ones are put in
  // their place unless that is on a page that was not read yet.
  patch(changed, matches) {
    if (this.total.value === null) return;
    const news = new Map(changed.map((row) => [row[this.#key], row]));
    let total = this.total.value;
    const rows = [];
    for (const row of this.rows.value) {
      const fresh = news.get(row[this.#key]);
      news.delete(row[this.#key]);
      if (!fresh) rows.push(row);
      else if (matches(fresh)) rows.push(fresh);
      else total--;
    }
    const last = rows.at(-1);
    let added = false;
    for (const row of news.values()) {
      if (!matches(row) || (this.#next && last && this.#compare(row, last) > 0)) continue;
      rows.push(row);
      total++;
      added = true;
    }
    if (added) rows.sort(this.#compare);
    batch(() => {
      this.rows.value = rows;
      this.total.value = total;
    });
  }

  // drop removes rows that are gone.
  drop(keys) {
    const gone = new Set(keys);
    const rows = this.rows.value.filter((row) => !gone.has(row[this.#key]));
    batch(() => {
      if (this.total.value !== null) this.total.value -= this.rows.value.length - rows.length;
      this.rows.value = rows;
    });
  }
}
