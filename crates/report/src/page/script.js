// Adds to a page what needs a script: the filter, the keys, buttons that copy, the place of the
// reader in the table of contents. The page is complete without it. It loads nothing, stores
// nothing, and works from a file.
(() => {
  'use strict';

  const results = document.querySelector('section.results');
  const scenarios = [...document.querySelectorAll('section.scenario')];
  // What is before and between scenarios, which a filter hides. A class on a parent would make the browser
  // look at every element of the page again.
  const others = [...document.querySelectorAll('nav.failures, article > :not(.scenario)')];

  const element = (name, text, attributes) => {
    const made = document.createElement(name);
    if (text) made.textContent = text;
    for (const [key, value] of Object.entries(attributes || {})) made.setAttribute(key, value);
    return made;
  };

  // What a link leads to may be folded.
  const unfold = (target) => {
    for (let at = target; at; at = at.parentElement) {
      if (at.tagName === 'DETAILS') at.open = true;
      if (at.hidden) clear();
    }
  };
  const follow = () => {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { /* not a name of ours */ }
    const target = name && document.getElementById(name);
    if (target) {
      unfold(target);
      target.scrollIntoView();
    }
  };
  window.addEventListener('hashchange', follow);

  // The filter: states, a label, words. A scenario is shown if all agree.
  const chosen = new Set();
  const filter = results && results.querySelector('.filter');
  const buttons = new Map();
  let search;
  let labels;
  let shown;
  let texts;
  let isOn = false;

  const textOf = (scenario) => {
    const parts = [scenario.querySelector('.heading'), scenario.querySelector('.scenario-state')];
    parts.push(...scenario.querySelectorAll('.step-line > :first-child, .failure > .message'));
    return parts.map((part) => (part ? part.textContent : '')).join(' ').toLowerCase();
  };

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const label = labels ? labels.value : '';
    if (words.length && !texts) texts = scenarios.map(textOf);
    let count = 0;
    scenarios.forEach((scenario, index) => {
      const fits = (!chosen.size || chosen.has(scenario.dataset.state))
        && (!label || (scenario.dataset.labels || '').split(' ').includes(label))
        && words.every((word) => texts[index].includes(word));
      if (scenario.hidden === fits) scenario.hidden = !fits;
      if (fits) count += 1;
    });
    for (const [state, button] of buttons) button.setAttribute('aria-pressed', String(chosen.has(state)));
    isOn = Boolean(chosen.size || label || words.length);
    for (const other of others) other.hidden = isOn;
    shown.textContent = isOn ? `${count} of ${scenarios.length} shown` : '';
  };

  const clear = () => {
    chosen.clear();
    search.value = '';
    if (labels) labels.value = '';
    apply();
  };

  // Failures, one after the other, from where the reader is.
  const failures = scenarios.filter((one) => ['failed', 'broken', 'unfinished'].includes(one.dataset.state));
  let current = -1;
  const place = (scenario) =>
    (scenario.querySelector('.failure') || scenario).closest('.steps > li, .failure, .scenario');
  const jump = (by) => {
    const visible = failures.filter((one) => !one.hidden);
    if (!visible.length) return;
    let at = visible.indexOf(failures[current]);
    const top = results.getBoundingClientRect().bottom + 16;
    if (at < 0) {
      const below = visible.findIndex((one) => one.getBoundingClientRect().bottom > top);
      at = by > 0 ? (below < 0 ? 0 : below) : (below < 0 ? visible.length : below) - 1;
    } else {
      at += by;
    }
    at = (at + visible.length) % visible.length;
    current = failures.indexOf(visible[at]);
    const target = place(visible[at]);
    unfold(target);
    const heading = visible[at].querySelector('h1, h2, h3, h4, h5, h6');
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
    // A failure far below its heading would not be seen with it.
    const show = () => {
      const far = target.getBoundingClientRect().top - visible[at].getBoundingClientRect().top;
      (far > window.innerHeight / 2 ? target : visible[at]).scrollIntoView();
    };
    show();
    // Sections that were never drawn have a size that is only guessed: look twice.
    requestAnimationFrame(show);
    shown.textContent = `failure ${at + 1} of ${visible.length}`;
  };

  if (filter) {
    for (const item of results.querySelectorAll('.counts li')) {
      const state = item.dataset.state;
      const button = element('button', '', { type: 'button', 'aria-pressed': 'false' });
      button.append(...item.childNodes);
      button.addEventListener('click', () => {
        if (!chosen.delete(state)) chosen.add(state);
        apply();
      });
      item.append(button);
      buttons.set(state, button);
    }
    filter.setAttribute('role', 'search');
    filter.setAttribute('aria-label', 'Scenarios');
    search = element('input', '', {
      type: 'search',
      id: 'gr-search',
      placeholder: 'filter by text ( / )',
      'aria-label': 'Filter by text',
      'aria-keyshortcuts': '/',
    });
    search.addEventListener('input', apply);
    filter.append(search);
    const names = filter.dataset.labels.split(' ').filter(Boolean);
    if (names.length) {
      labels = element('select', '', { 'aria-label': 'Filter by label' });
      labels.append(element('option', 'all labels', { value: '' }));
      for (const name of names) labels.append(element('option', name, { value: name }));
      labels.addEventListener('change', apply);
      filter.append(labels);
    }
    if (failures.length) {
      const ways = [[-1, '\u2191', 'previous failure', 'p'], [1, '\u2193', 'next failure', 'n']];
      for (const [by, sign, name, key] of ways) {
        const button = element('button', '', { type: 'button', title: name, 'aria-keyshortcuts': key });
        const arrow = element('span', sign, { 'aria-hidden': 'true' });
        button.append(arrow, element('kbd', key), element('span', name, { class: 'unseen' }));
        button.addEventListener('click', () => jump(by));
        filter.append(button);
      }
    }
    shown = element('span', '', { class: 'shown', role: 'status' });
    filter.append(shown);
    // A browser may have kept what was typed before a reload.
    if (search.value) apply();
  }

  document.addEventListener('keydown', (event) => {
    if (!filter || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    const isField = /^(INPUT|SELECT|TEXTAREA)$/.test(at.tagName);
    const isTyping = at instanceof HTMLElement && (at.isContentEditable || isField);
    if (event.key === 'Escape' && isOn) {
      clear();
    } else if (!isTyping && (event.key === 'n' || event.key === 'p')) {
      jump(event.key === 'n' ? 1 : -1);
    } else if (!isTyping && event.key === '/') {
      event.preventDefault();
      search.focus();
    }
  });

  // Buttons that copy.
  const copy = async (code) => {
    try {
      await navigator.clipboard.writeText(code.textContent);
      return true;
    } catch {
      const selection = window.getSelection();
      selection.selectAllChildren(code);
      return document.execCommand('copy');
    }
  };
  for (const code of document.querySelectorAll('code.copy')) {
    const button = element('button', 'Copy', { type: 'button', 'aria-label': 'Copy the command' });
    button.addEventListener('click', async () => {
      button.textContent = (await copy(code)) ? 'Copied' : 'Press Ctrl+C';
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
    code.after(button);
  }

  // The place of the reader in the table of contents: the last heading near the top of the
  // window. Whole scenarios are looked at, since the size of what is in them may not be known yet.
  const entries = [];
  for (const entry of document.querySelectorAll('nav.contents li > a')) {
    const heading = document.getElementById(decodeURIComponent(entry.hash.slice(1)));
    if (heading) entries.push([heading.closest('section.scenario') || heading, entry]);
  }
  let marked = null;
  const mark = () => {
    if (isOn) return;
    const edge = Math.min(window.innerHeight / 3, 240);
    let [low, high] = [0, entries.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (entries[middle][0].getBoundingClientRect().top <= edge) low = middle; else high = middle - 1;
    }
    const link = entries[low][1];
    if (link === marked) return;
    if (marked) marked.removeAttribute('aria-current');
    marked = link;
    link.setAttribute('aria-current', 'true');
    const box = link.closest('nav.contents');
    const place = link.offsetTop - box.offsetTop;
    const isSeen = place > box.scrollTop && place < box.scrollTop + box.clientHeight - 40;
    if (!isSeen) box.scrollTop = place - box.clientHeight / 2;
  };
  if (entries.length) {
    let isPlanned = false;
    const plan = () => {
      if (isPlanned) return;
      isPlanned = true;
      requestAnimationFrame(() => { isPlanned = false; mark(); });
    };
    window.addEventListener('scroll', plan, { passive: true });
    plan();
  }

  // Of a long output the end matters most.
  if ('IntersectionObserver' in window) {
    const observer = new IntersectionObserver((seen) => {
      for (const one of seen.filter((entry) => entry.isIntersecting)) {
        one.target.scrollTop = one.target.scrollHeight;
        observer.unobserve(one.target);
      }
    });
    for (const output of document.querySelectorAll('.failure figure.output pre')) observer.observe(output);
  }

  // A click beside it, or Escape, closes what is known about the run.
  const about = document.querySelector('details.about');
  document.addEventListener('click', (event) => {
    if (about && about.open && !about.contains(event.target)) about.open = false;
  });
  document.addEventListener('keydown', (event) => {
    if (about && about.open && event.key === 'Escape') {
      about.open = false;
      about.firstElementChild.focus();
    }
  });

  // Paper shows where the run comes from.
  window.addEventListener('beforeprint', () => { if (about) about.open = true; });
  window.addEventListener('afterprint', () => { if (about) about.open = false; });

  if (location.hash) follow();
})();
