// What browser tests share: a board of their own, accounts of every role, Debian's chromium.
//
//   onEachDatabase('the ledger is imported', async (t, board) => {
//     const page = await board.page(t, { role: 'responder', lang: 'ja', width: 390, theme: 'dark' });
//     await page.goto('/incidents/1/import');
//     await examine(page);                       // axe-core finds nothing
//   });
//
// A board runs on SQLite in a folder of its own, or in a schema of its own of $HIKESHI_TEST_PG. At the end of a test it
// is stopped by its pid and `hikeshi-board verify` must find the record whole. A page that writes an error to the
// console (a broken script, a refused style) fails its test. With $HIKESHI_SHOTS a test's pictures go to that folder.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createServer } from 'node:net';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const here = dirname(fileURLToPath(import.meta.url));
export const root = resolve(here, '../..');
const build = resolve(process.env.HIKESHI_BUILD ?? join(root, 'build'));
export const BOARD = join(build, 'hikeshi-board');
export const SCANNER = join(build, 'hikeshi');
export const PASSWORD = 'correct horse battery';

// Names as the ledger has them; the logins are mail addresses, so that an owner finds what is theirs.
export const PEOPLE = {
  administrator: { login: 'saeki@example.co.jp', name: '佐伯 美帆' },
  responder: { login: 'okubo@example.co.jp', name: '大久保 亮' },
  owner: { login: 'uehara@example.co.jp', name: '上原 千夏' },
  reader: { login: 'miyashita@example.co.jp', name: '宮下 修' },
};

const CHROMIUM_FLAGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

// Not faults: a form that was refused (409, 413, 422), and htmx's word for an event stream that ends with its page.
const EXPECTED = /^Failed to load resource: .* status of 4(09|13|22) |^\[object Event\]$/;

function freePort() {
  return new Promise((done, failed) => {
    const probe = createServer();
    probe.on('error', failed);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => done(port));
    });
  });
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// Waits until look() gives something true; what it threw last is the reason when it never does.
export async function until(look, what, ms = 15000) {
  const end = Date.now() + ms;
  let last;
  while (Date.now() < end) {
    try {
      const found = await look();
      if (found) return found;
    } catch (e) {
      last = e;
    }
    await sleep(50);
  }
  throw new Error(`${what}: not within ${ms} ms${last ? ` (${last.message})` : ''}`);
}

let schemas = 0;

function makePlace(kind) {
  const dir = mkdtempSync(join(tmpdir(), 'hikeshi-browser-'));
  if (kind === 'sqlite') return { dir, where: ['--data', join(dir, 'data')] };
  const url = process.env.HIKESHI_TEST_PG;
  const schema = `browser_${process.pid}_${++schemas}`;
  const made = spawnSync('psql', ['-q', '-d', url, '-c', `CREATE SCHEMA ${schema}`], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return { dir, where: ['--database', `${url}&options=-csearch_path%3D${schema}`] };
}

export class Board {
  // A running board with one account of each role.
  static async start(kind = 'sqlite', { accounts = true } = {}) {
    const board = new Board();
    Object.assign(board, makePlace(kind), { kind, contexts: [], browser: null, output: '' });
    if (accounts) {
      for (const [role, who] of Object.entries(PEOPLE)) {
        board.cli(['user', 'add', '--login', who.login, '--name', who.name, '--role', role], PASSWORD + '\n');
      }
    }
    await board.serve();
    return board;
  }

  async serve() {
    const port = await freePort();
    this.url = `http://127.0.0.1:${port}`;
    this.server = spawn(BOARD, ['serve', ...this.where, '--listen', `127.0.0.1:${port}`], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, TZ: 'Asia/Tokyo' },
    });
    this.exited = new Promise((done) => this.server.on('exit', (code, signal) => done({ code, signal })));
    for (const stream of [this.server.stdout, this.server.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => { this.output += text; });
    }
    await until(async () => {
      if (this.server.exitCode !== null) throw new Error(`the board ended: ${this.output}`);
      return (await fetch(this.url + '/', { redirect: 'manual' })).status > 0;
    }, 'the board answers');
  }

  // hikeshi-board on this board's data: its output, or a failure with what it said.
  cli(args, input = '', status = 0) {
    const verbs = args.findIndex((a) => a.startsWith('--'));
    const cut = verbs < 0 ? args.length : verbs;
    const run = spawnSync(BOARD, [...args.slice(0, cut), ...this.where, ...args.slice(cut)], {
      input, encoding: 'utf8', timeout: 120000, env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'Asia/Tokyo' },
    });
    assert.equal(run.status, status, `${args.join(' ')}: ${run.stderr}${run.error ?? ''}\n${this.output}`);
    return run.stdout;
  }

  openIncident(title = 'Log4Shell') {
    return Number(/\d+/.exec(this.cli(['incident', 'open', 'log4shell', '--title', title]))[0]);
  }

  async chromium() {
    this.browser ??= await chromium.launch({
      executablePath: process.env.HIKESHI_CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser'].find(existsSync),
      headless: true,
      args: CHROMIUM_FLAGS, // playwright adds a new --user-data-dir of its own to each launch
    });
    return this.browser;
  }

  // A page of somebody's own browser session: role null is nobody; script false is without JavaScript.
  async page(t, { role = 'responder', lang = 'ja', theme = 'light', width = 1280, script = true } = {}) {
    const browser = await this.chromium();
    const context = await browser.newContext({
      baseURL: this.url,
      locale: lang === 'ja' ? 'ja-JP' : 'en-US',
      timezoneId: 'Asia/Tokyo',
      colorScheme: theme,
      viewport: { width, height: width < 600 ? 844 : 900 },
      hasTouch: width < 600,
      isMobile: width < 600,
      javaScriptEnabled: script,
      reducedMotion: 'reduce',
    });
    context.setDefaultTimeout(15000);
    this.contexts.push(context);
    const page = await context.newPage();
    page.faults = [];
    page.on('pageerror', (e) => page.faults.push(`script: ${e.message}`));
    page.on('console', (m) => { if (m.type() === 'error' && !EXPECTED.test(m.text())) page.faults.push(`console: ${m.text()}`); });
    t.after(() => assert.deepEqual(page.faults, [], 'the console of the page'));
    if (role) await logIn(page, PEOPLE[role].login);
    return page;
  }

  async stop() {
    for (const context of this.contexts) await context.close().catch(() => {});
    await this.browser?.close();
    if (this.server.exitCode === null) this.server.kill('SIGTERM');
    const end = await Promise.race([this.exited, sleep(10000).then(() => null)]);
    if (!end) {
      this.server.kill('SIGKILL');
      throw new Error(`the board did not stop: ${this.output}`);
    }
    assert.deepEqual(end, { code: 0, signal: null }, this.output);
    const verified = JSON.parse(this.cli(['verify']));
    assert.equal(verified.faults, 0, JSON.stringify(verified));
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export async function logIn(page, login, password = PASSWORD) {
  await page.goto('/login');
  await page.fill('input[name="login"]', login);
  await page.fill('input[name="password"]', password);
  await Promise.all([page.waitForURL((u) => u.pathname !== '/login'), page.click('main button[type="submit"], main button:not([type])')]);
}

export const databases = process.env.HIKESHI_TEST_PG ? ['sqlite', 'postgres'] : ['sqlite'];

// One test with a board of its own; `on` says which databases (all there are, unless told otherwise).
export function onBoard(name, fn, { on = ['sqlite'] } = {}) {
  for (const kind of on) {
    test(`${name} (${kind})`, { timeout: 300000 }, async (t) => {
      const board = await Board.start(kind);
      let failed = true;
      try {
        await fn(t, board);
        failed = false;
      } catch (e) {
        const page = board.contexts.flatMap((c) => c.pages()).at(-1);
        if (page) t.diagnostic(`${page.url()}\n${(await page.locator('body').innerText().catch(() => '')).slice(0, 2000)}`);
        t.diagnostic(board.output.slice(-2000));
        throw e;
      } finally {
        await board.stop().catch((e) => { if (!failed) throw e; });
      }
    });
  }
}

export const onEachDatabase = (name, fn) => onBoard(name, fn, { on: databases });

const axeSource = readFileSync(join(here, 'node_modules/axe-core/axe.min.js'), 'utf8');

// axe-core finds nothing, at WCAG 2.2 AA and its best practices; and nothing sticks out sideways.
export async function examine(page) {
  await page.evaluate(axeSource);
  const found = await page.evaluate(async () => {
    const result = await globalThis.axe.run(document, { resultTypes: ['violations'] });
    return result.violations.map((v) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 5)
      .map((n) => `  ${n.target.join(' ')} ${n.html.slice(0, 160)}\n  ${n.failureSummary}`).join('\n')}`);
  });
  assert.deepEqual(found, [], `axe-core on ${page.url()}`);
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${page.url()} is ${over} px wider than the window`);
}

// The page as a picture, when somebody asked for pictures.
export async function shoot(page, name, { full = true } = {}) {
  if (!process.env.HIKESHI_SHOTS) return;
  mkdirSync(process.env.HIKESHI_SHOTS, { recursive: true });
  await page.screenshot({ path: join(process.env.HIKESHI_SHOTS, `${name}.png`), fullPage: full });
}

// Calls fn with a page in each of the looks a page must have: both languages, themes and widths.
export async function inEveryLook(t, board, options, fn) {
  for (const lang of ['ja', 'en']) {
    for (const [width, theme] of [[1280, 'light'], [1280, 'dark'], [390, 'light'], [390, 'dark']]) {
      const page = await board.page(t, { ...options, lang, theme, width });
      await fn(page, `${lang}-${width}-${theme}`);
      await page.context().close();
    }
  }
}
