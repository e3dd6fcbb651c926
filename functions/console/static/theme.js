// The colour theme: the system's, or the one chosen with the switch. A classic script, so that it runs before the first paint.
(() => {
  const KEY = 'mediarelay.theme';
  const root = document.documentElement;
  const dark = matchMedia('(prefers-color-scheme: dark)');

  /** @returns {Storage | null} null where the browser blocks it */
  const storage = () => {
    try {
      return window.localStorage;
    } catch {
      return null;
    }
  };

  const chosen = storage()?.getItem(KEY);
  if (chosen === 'light' || chosen === 'dark') root.dataset.theme = chosen;

  document.addEventListener('click', (event) => {
    const target = /** @type {Element} */ (event.target);
    if (!target.closest('[data-theme-switch]')) return;
    const shown = root.dataset.theme ?? (dark.matches ? 'dark' : 'light');
    root.dataset.theme = shown === 'dark' ? 'light' : 'dark';
    storage()?.setItem(KEY, root.dataset.theme);
  });
})();
