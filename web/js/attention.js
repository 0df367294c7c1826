// Whether somebody looks at the page and wants it to change. Otherwise nothing is asked.
import { computed, effect, signal } from '../vendor/preact.js';

const visible = signal(document.visibilityState !== 'hidden');
document.addEventListener('visibilitychange', () => { visible.value = document.visibilityState !== 'hidden'; });

// held is true while somebody reads a picture that shall not change.
export const held = signal(false);

// looked is true while somebody looks and the picture may change.
export const looked = computed(() => visible.value && !held.value);

// seen ends when looked is true.
export async function seen() {
  if (looked.peek()) return;
  let off;
  await new Promise((resolve) => { off = effect(() => { if (looked.value) resolve(); }); });
  off();
}

// onUnseen calls handle when looked becomes false, until the function that it returns is called.
export const onUnseen = (handle) => effect(() => { if (!looked.value) handle(); });
