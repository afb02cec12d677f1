// Opens pages of greenroom in Chromium and looks at them as readers do: with a mouse, with keys only, in the dark.
//
// `cargo xtask browser` sets GREENROOM to the program and CHROMIUM to the browser.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { HtmlValidate } from 'html-validate';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const directory = mkdtempSync(join(tmpdir(), 'greenroom-browser-'));
const inside = (name) => join(directory, name);
let browser;

const picture = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const hostile = [
  '#!/bin/sh',
  "printf '</script><script>document.title = \"run\"</script><img src=x onerror=alert(1)>\\n'",
  "printf '\\033[31mred\\033[0m \\377\\376 \\000 \\342\\200\\256 end\\n'",
  'exit 3',
];
const document = `---
title: Everything
subtitle: For the browser tests
authors: [Ada Lovelace, Grace Hopper]
date: 26 November 2026
bindings: [lib/runcmd.yaml, lib/files.yaml, lib/daemon.yaml]
---

# Everything

Text with *emphasis*, **strong**, ~~struck~~, \`code\`, a [link](https://example.com/) and [the script](#hostile.sh).

| left | right |
|:-----|------:|
| a    | 1     |

- [x] done
- [ ] to do

> A quotation.

![A dot](dot.png) ![Not there](missing.png) ![Far](https://example.com/far.png)

<details><summary>More</summary>

Text <b onclick="alert(1)">in HTML</b><script>document.title = "run"</script>, a [bad link](javascript:alert(1)).

</details>

~~~dot
digraph { a -> b }
~~~

~~~mermaid
graph LR; a --> b
~~~

~~~{.example .python}
print("an example")
~~~

## Passes

~~~{.scenario label=quick}
given file greeting.txt
when I run cat greeting.txt
then stdout contains "hello"
~~~

~~~{#greeting.txt .file}
hello
~~~

~~~{#hostile.sh .file .sh}
${hostile.join('\n')}
~~~

## Fails

~~~{.scenario label=quick label=bad}
given executable file hostile.sh
when I run ./hostile.sh
then stdout contains "never"
~~~

## Fails in a comparison

~~~{.scenario label=bad}
when I run echo "one two"
then stdout is exactly "one three\\n"
and stdout contains "two"
~~~
`;

/** Opens a page, and fails the test for errors and requests. */
const open = async (name, options = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    problems.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on('request', (request) => {
    if (!/^(file|data):/.test(request.url())) problems.push(`request: ${request.url()}`);
  });
  const [file, anchor] = name.split('#');
  await page.goto(pathToFileURL(inside(file)).href + (anchor ? `#${anchor}` : ''));
  return { page, close: async () => {
    await context.close();
    assert.deepEqual(problems, []);
  } };
};

const using = (name, options, look) => async () => {
  const { page, close } = await open(name, options);
  await look(page);
  await close();
};

/** How many scenarios the long document has. */
const LONG = 230;

const shown = (page) => page.locator('section.scenario:visible').count();

before(async () => {
  writeFileSync(inside('all.md'), document);
  const step = (number) => `when I run ${number === 180 ? 'false' : 'true'}`;
  const label = (number) => (number % 2 ? ' label=odd' : '');
  const one = (number) => `Text ${number}.\n\n# Number ${number}\n\n~~~{.scenario${label(number)}}\n${step(number)}\n~~~\n`;
  writeFileSync(inside('long.md'), Array.from({ length: LONG }, (_, index) => one(index + 1)).join('\n'));
  writeFileSync(inside('second.md'), '# Second\n\n~~~scenario\nwhen I run true\n~~~\n');
  writeFileSync(inside('dot.png'), Buffer.from(picture, 'base64'));
  const greenroom = (codes, ...words) => {
    const { status, stderr, stdout } = spawnSync(process.env.GREENROOM, words, { cwd: directory, encoding: 'utf8' });
    assert.ok(codes.includes(status), `greenroom ${words.join(' ')}: ${status}\n${stdout}\n${stderr}`);
  };
  greenroom([1], 'run', '--html', 'run.html', 'all.md');
  greenroom([1], 'run', '--html', 'several', 'all.md', 'second.md');
  greenroom([1], 'run', '--html', 'long.html', 'long.md');
  greenroom([0], 'html', 'all.md', '-o', 'typeset.html');
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox'] });
});

after(async () => {
  await browser?.close();
  rmSync(directory, { recursive: true, force: true });
});

const pages = ['run.html', 'long.html', 'typeset.html', 'several/index.html', 'several/second.html'];

for (const name of pages) {
  for (const colorScheme of ['light', 'dark']) {
    test(`axe finds nothing in ${name} (${colorScheme})`, using(name, { colorScheme }, async (page) => {
      await page.evaluate(() => document.querySelectorAll('details').forEach((details) => { details.open = true; }));
      // The policy of the page forbids scripts that are not its own; the driver may run one all the same.
      await page.evaluate(axe);
      const found = await page.evaluate(() => window.axe.run());
      const words = ({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join('\n')}`;
      assert.deepEqual(found.violations.map(words), []);
    }));
  }

  test(`${name} is valid HTML`, async () => {
    const validate = new HtmlValidate({
      extends: ['html-validate:standard'],
      rules: {
        // Taste, not validity.
        'doctype-style': 'off',
        'long-title': 'off',
        'no-inline-style': 'error',
        'no-raw-characters': 'error',
        'void-style': 'off',
        'attribute-boolean-style': 'off',
        'prefer-native-element': 'off',
        'no-implicit-button-type': 'off',
        'tel-non-breaking': 'off',
        'wcag/h30': 'off',
        'wcag/h63': 'off',
        // The policy covers our script; there is nothing to fetch.
        'require-sri': 'off',
        'no-trailing-whitespace': 'off',
      },
    });
    const report = await validate.validateString(readFileSync(inside(name), 'utf8'));
    const messages = report.results.flatMap(({ messages }) => messages);
    assert.deepEqual(messages.map(({ ruleId, message, line, column }) => `${line}:${column} ${ruleId}: ${message}`), []);
  });
}

test('what documents and processes write does not run', using('run.html', {}, async (page) => {
  assert.equal(await page.title(), 'Everything');
  assert.equal(await page.locator('script').count(), 1);
  assert.equal(await page.locator('[onclick], [onerror], [style]').count(), 0);
  assert.equal(await page.locator('a[href^="javascript"]').count(), 0);
}));

test('everything is there without scripts', using('run.html', { javaScriptEnabled: false }, async (page) => {
  assert.equal(await shown(page), 3);
  await page.getByText('never').first().waitFor();
}));

test('the title block, the contents and the pictures are there', using('typeset.html', {}, async (page) => {
  assert.equal(await page.locator('h1').textContent(), 'Everything');
  for (const text of ['For the browser tests', 'Ada Lovelace, Grace Hopper', '26 November 2026']) {
    await page.getByText(text, { exact: true }).waitFor();
  }
  assert.equal(await page.locator('nav.contents li').count(), 3);
  assert.equal(await page.locator('img[alt="A dot"]').evaluate((image) => image.naturalWidth), 1);
  await page.getByText('Missing picture: missing.png').waitFor();
  await page.getByRole('link', { name: 'Picture: Far' }).waitFor();
}));

test('links lead from a step to the file and back', using('typeset.html', {}, async (page) => {
  await page.locator('.steps a.file', { hasText: 'greeting.txt' }).first().click();
  assert.ok(page.url().endsWith('#file-greeting.txt'));
  await page.locator('#file-greeting\\.txt .uses a').first().click();
  assert.ok(page.url().endsWith('#passes-step-1'));
  await page.getByRole('link', { name: 'the script' }).click();
  assert.ok(page.url().endsWith('#file-hostile.sh'));
}));

test('the filter shows scenarios by state, label and text', using('run.html', {}, async (page) => {
  assert.equal(await shown(page), 3);
  const failed = page.locator('.counts li[data-state=failed] button');
  await failed.click();
  assert.equal(await shown(page), 2);
  await failed.click();
  await page.getByLabel('Filter by label').selectOption('quick');
  assert.equal(await shown(page), 2);
  await page.getByLabel('Filter by text').fill('greeting');
  assert.equal(await shown(page), 1);
  await page.keyboard.press('Escape');
  assert.equal(await shown(page), 3);
}));

test('the filter reaches into all stretches of a long document', using('long.html', {}, async (page) => {
  assert.equal(await page.locator('.stretch').count(), 5);
  const filter = page.getByLabel('Filter by text');
  for (const [text, count] of [['number 7', 41], ['77', 2], ['', LONG], ['number', LONG], ['nothing', 0], ['22', 12]]) {
    await filter.fill(text);
    assert.equal(await shown(page), count, text);
    assert.equal(await page.locator('article p:not(.scenario p):visible').count(), text ? 0 : 1, text);
  }
  await page.getByLabel('Filter by label').selectOption('odd');
  assert.equal(await shown(page), 5);
  await page.keyboard.press('Escape');
  assert.equal(await shown(page), LONG);
  await page.getByRole('button', { name: 'next failure' }).click();
  assert.ok(await page.locator('#number-180').evaluate((heading) => heading === document.activeElement));
  const place = await page.locator('#number-180').evaluate((heading) => heading.getBoundingClientRect().top);
  assert.ok(place > 0 && place < 400, String(place));
  await filter.fill('number 1');
  await page.evaluate(() => { location.hash = '#number-205-step-1'; });
  await page.locator('#number-205-step-1').waitFor({ state: 'visible' });
  assert.equal(await shown(page), LONG);
}));

test('what is typed as soon as the page is there does not wait until scenarios are read', async () => {
  const { page, close } = await open('typeset.html');
  // Counts the elements whose text is read once the field is there.
  await page.addInitScript(() => {
    const text = Object.getOwnPropertyDescriptor(Node.prototype, 'textContent');
    document.addEventListener('DOMContentLoaded', () => {
      window.reads = 0;
      const get = function get() {
        window.reads += 1;
        return text.get.call(this);
      };
      Object.defineProperty(Node.prototype, 'textContent', { ...text, get });
      const field = document.getElementById('gr-search');
      field.value = '77';
      field.dispatchEvent(new Event('input'));
      window.readsOfFilter = window.reads;
    });
  });
  await page.goto(pathToFileURL(inside('long.html')).href);
  assert.equal(await page.evaluate(() => window.readsOfFilter), 0);
  assert.equal(await shown(page), 2);
  await close();
});

test('a link leads into a long document', using('long.html#number-205', {}, async (page) => {
  const place = await page.locator('#number-205').evaluate((heading) => heading.getBoundingClientRect().top);
  assert.ok(place > 0 && place < 400, String(place));
  await page.locator('nav.contents a[aria-current]', { hasText: 'Number 205' }).waitFor();
}));

test('keys jump from failure to failure', using('run.html', {}, async (page) => {
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press('n');
  assert.match(await focused(), /^Fails/);
  const first = await focused();
  await page.keyboard.press('n');
  assert.notEqual(await focused(), first);
  await page.keyboard.press('p');
  assert.equal(await focused(), first);
}));

test('the page can be used with keys only', using('run.html', {}, async (page) => {
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  // Chromium follows the link after the key press has returned.
  await page.waitForURL((url) => url.hash === '#gr-main');
  await page.keyboard.press('/');
  await page.keyboard.type('greeting');
  assert.equal(await shown(page), 1);
  await page.keyboard.press('Escape');
  assert.equal(await shown(page), 3);
}));

test('what can be opened is not numbered as a step', using('run.html', {}, async (page) => {
  const displays = (summaries) => summaries.map((summary) => getComputedStyle(summary).display);
  const found = await page.locator('ol.steps summary').evaluateAll(displays);
  assert.ok(found.length > 0);
  assert.deepEqual(new Set(found), new Set(['block']));
}));

test('output of a passed step opens on demand', using('run.html', {}, async (page) => {
  const output = page.locator('#passes-step-2 details').first();
  assert.equal(await output.evaluate((details) => details.open), false);
  await output.locator('summary').focus();
  await page.keyboard.press('Enter');
  assert.equal(await output.evaluate((details) => details.open), true);
  assert.match(await output.textContent(), /hello/);
}));

test('a link to a step that is folded opens what folds it', async () => {
  const { page, close } = await open('run.html#fails-step-3');
  assert.ok(await page.locator('#fails-step-3').isVisible());
  await page.evaluate(() => {
    document.querySelector('#passes-step-1').innerHTML = '<details><summary>x</summary><p id="deep">y</p></details>';
    location.hash = '#deep';
  });
  await page.locator('#deep').waitFor({ state: 'visible' });
  await close();
});

test('the index leads to each page', using('several/index.html', {}, async (page) => {
  assert.equal(await page.locator('table.matrix tbody tr').count(), 2);
  await page.getByRole('link', { name: 'Second', exact: true }).click();
  assert.equal(await page.locator('.document-title').textContent(), 'Second');
}));

test('a page is usable on a phone', using('run.html', { viewport: { width: 390, height: 800 } }, async (page) => {
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(overflow, 0);
}));

