// Adds to a page what needs a script: the filter, the keys, buttons that copy, the place of the
// reader in the table of contents. The page is complete without it. It loads nothing, stores
// nothing, and works from a file.
(() => {
  'use strict';

  const results = document.querySelector('section.results');
  const scenarios = [...document.querySelectorAll('section.scenario')];
  // What a filter shows and hides: scenarios, and what is before and between them. A long document has
  // stretches of some scenarios each. The browser looks neither into one that is far away nor into a hidden one.
  const groups = [];
  for (const place of document.querySelectorAll('nav.failures, article, article > .stretch')) {
    const inside = place.matches('nav') ? [place] : [...place.children].filter((one) => !one.matches('.stretch'));
    groups.push({
      stretch: place.matches('.stretch') ? place : null,
      scenarios: inside.filter((one) => one.matches('.scenario')),
      others: inside.filter((one) => !one.matches('.scenario')),
    });
  }
  // `display: none` would make the browser number the lists of the whole page again, which takes long.
  const isHidden = (one) => one.classList.contains('filtered');
  const hide = (one, hidden) => one.classList.toggle('filtered', hidden);

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
      if (isHidden(at)) clear();
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
  let texts = [];
  let isOn = false;

  // Most of a scenario are time lines and outputs, so that a query for its steps would take long.
  const textOf = (scenario) => {
    let text = '';
    const add = (one) => { text += `${one.textContent} `; };
    for (let part = scenario.firstElementChild; part; part = part.nextElementSibling) {
      const kind = part.className;
      if (kind === 'heading') add(part);
      // Not the time: a number in the field means one in the text.
      else if (kind === 'scenario-state') [...part.children].filter((one) => one.className !== 'time').forEach(add);
      else if (kind === 'steps') {
        for (const line of part.getElementsByClassName('step-line')) add(line.firstElementChild);
      }
    }
    if (scenario.dataset.state !== 'passed') scenario.querySelectorAll('.failure > .message').forEach(add);
    return text.toLowerCase();
  };

  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const label = labels ? labels.value : '';
    isOn = Boolean(chosen.size || label || words.length);
    let [index, count] = [0, 0];
    for (const { stretch, scenarios: those, others } of groups) {
      const fits = those.map((scenario) => {
        const text = texts[index];
        index += 1;
        return (!chosen.size || chosen.has(scenario.dataset.state))
          && (!label || (scenario.dataset.labels || '').split(' ').includes(label))
          && words.every((word) => text.includes(word));
      });
      const fitting = fits.filter(Boolean).length;
      count += fitting;
      if (stretch) {
        hide(stretch, isOn && !fitting);
        stretch.style.containIntrinsicBlockSize = isOn ? `${20 * fitting}rem` : '';
        if (isOn && !fitting) continue;
      }
      those.forEach((scenario, at) => hide(scenario, !fits[at]));
      for (const other of others) hide(other, isOn);
    }
    for (const [state, button] of buttons) button.setAttribute('aria-pressed', String(chosen.has(state)));
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
  // Where a scenario is in a stretch that is far away would have to be computed.
  const isBelow = (one, edge) => {
    const bottom = (box) => box.getBoundingClientRect().bottom;
    const stretch = one.closest('.stretch');
    return (!stretch || bottom(stretch) > edge) && bottom(one) > edge;
  };
  const jump = (by) => {
    const visible = failures.filter((one) => !one.closest('.filtered'));
    if (!visible.length) return;
    let at = visible.indexOf(failures[current]);
    const top = results.getBoundingClientRect().bottom + 16;
    if (at < 0) {
      const below = visible.findIndex((one) => isBelow(one, top));
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
    // Now, not with the first key: the page was painted long ago, and keys must not wait for this.
    texts = scenarios.map(textOf);
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
  const begins = (one, edge) => {
    const stretch = one.closest('.stretch');
    const box = stretch && stretch.getBoundingClientRect();
    if (box && box.bottom <= edge) return true;
    if (box && box.top > edge) return false;
    return one.getBoundingClientRect().top <= edge;
  };
  const mark = () => {
    if (isOn) return;
    const edge = Math.min(window.innerHeight / 3, 240);
    let [low, high] = [0, entries.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (begins(entries[middle][0], edge)) low = middle; else high = middle - 1;
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
