// node tests/browser/screenshots.mjs [FOLDER [--all]]: the pictures of docs/, of a made-up company's
// first days; with --all every page in both languages, light and dark, on a desk and a phone.
// A ledger from tests/fixtures/make_ledger.py, scans of its hosts, answers by people; everything through
// the command line and the API, so that what is shown is what the board says of such input.
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Board, PEOPLE, root } from './harness.mjs';
import { EAR, scan } from './company.mjs';

const folder = process.argv[2] ?? join(root, 'docs', 'screenshots');
const t = { after() {} };
const LOOKS = [['ja', 'light', 1280], ['en', 'dark', 1280], ['ja', 'light', 390], ['en', 'dark', 390]];
// what README and docs show of each look
const SHOWN = {
  'ja-light-1280': ['overview', 'ledger'], 'en-dark-1280': ['overview', 'asset', 'import'],
  'ja-light-390': ['ledger'], 'en-dark-390': ['overview'],
};

// The JSON API in the session of a page.
async function api(page, method, path, data) {
  const csrf = await page.locator('meta[name="csrf-token"], input[name="csrf"]').first()
    .evaluate((e) => e.content ?? e.value);
  const res = await page.request.fetch('/api/v1' + path, { method, data, headers: { 'X-CSRF-Token': csrf } });
  if (!res.ok()) throw new Error(`${method} ${path}: ${res.status()} ${await res.text()}`);
  return JSON.parse((await res.text()) || "null"); // some answers are empty
}

async function allRows(page, incident) {
  const rows = [];
  for (let next = ''; next !== null;) {
    const part = await api(page, 'GET', `/incidents/${incident}/assets?limit=200${next && '&cursor=' + encodeURIComponent(next)}`);
    rows.push(...part.items);
    next = part.next ?? part.next_cursor ?? null;
  }
  return rows;
}

async function makeDays(board, page) {
  const file = join(board.dir, 'システム台帳_2021年度_最終版.xlsx');
  spawnSync('python3', [join(root, 'tests/fixtures/make_ledger.py'), file], { stdio: 'inherit' });
  const incident = board.openIncident();
  board.cli(['ledger', 'import', file, '--incident', String(incident)]);
  await page.goto(`/incidents/${incident}`);
  const rows = await allRows(page, incident);
  const stated = (row, question, option, more = {}) =>
    api(page, 'POST', `/assets/${row.id}/evidence`, { question, option, ...more });
  const label = rows.find((r) => r.name === '倉庫ラベル発行');
  const hosts = [...new Set(rows.flatMap((r) => r.hosts ?? []))];
  const own = label.hosts[0];
  scan(board, incident, own, { [EAR]: '2.14.1' });
  hosts.filter((h) => h !== own).slice(0, 70).forEach((host, i) => {
    if (i % 17 === 3) scan(board, incident, host, { [`/srv/app${i}/WEB-INF/lib/log4j-core-2.11.0.jar`]: '2.11.0' });
    else if (i % 9 === 4) scan(board, incident, host, { [`/opt/app${i}/lib/log4j-core-2.17.1.jar`]: '2.17.1' });
    else scan(board, incident, host, {}, i % 13 === 7 ? { gaps: { '/srv/backup/2019.zip!/payroll.jar': 'encrypted' } } : {});
  });
  for (let round = 0; round < 3; round++) {
    const waiting = await api(page, 'GET', `/incidents/${incident}/proposals?limit=200`);
    const take = waiting.items.filter((p) => p.option !== 'unknown').slice(0, 60).map((p) => p.id);
    if (take.length) await api(page, 'POST', `/incidents/${incident}/proposals/confirm`, { evidence: take });
  }
  await stated(label, 'log4j', 'no', { text: '使っていないはず' });
  let i = 0;
  for (const row of rows.filter((r) => (r.hosts ?? []).length === 0)) {
    i++;
    if (i % 3 === 0) await stated(row, 'vendor', 'investigating', { cve: 'CVE-2021-44228', text: '調査中との回答' });
    else if (i % 3 === 1) {
      for (const cve of ['CVE-2021-44228', 'CVE-2021-45046']) {
        await stated(row, 'vendor', 'not_affected', { cve, text: '影響なしとの発表', link: 'https://vendor.example/advisory' });
      }
    }
  }
  return { incident, label };
}

async function shoot(page, name, path) {
  await page.goto(path);
  await page.waitForTimeout(400);
  await page.screenshot({ path: join(folder, `${name}.png`) });
}

const board = await Board.start();
try {
  mkdirSync(folder, { recursive: true });
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  const { incident, label } = await makeDays(board, page);
  const pages = [
    ['overview', ''], ['ledger', '/ledger'], ['asset', `/assets/${label.id}`], ['proposals', '/proposals'],
    ['timeline', '/timeline'], ['hosts', '/hosts'], ['import', '/import'],
  ].map(([name, path]) => [name, `/incidents/${incident}${path}`]);
  for (const [lang, theme, width] of LOOKS) {
    const look = `${lang}-${theme}-${width}`;
    const view = await board.page(t, { role: 'responder', lang, theme, width });
    for (const [name, path] of pages) {
      if (process.argv.includes('--all') || SHOWN[look].includes(name)) await shoot(view, `${name}-${look}`, path);
    }
  }
} finally {
  await board.stop();
}
