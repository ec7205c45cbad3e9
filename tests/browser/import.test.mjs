// A ledger is imported from the file a company has: columns, changes, done; then the same file some days later.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { examine, inEveryLook, onBoard, onEachDatabase, root, shoot } from './harness.mjs';

function ledger(board, name, ...options) {
  const path = join(board.dir, name);
  const made = spawnSync('python3', ['-B', join(root, 'tests/fixtures/make_ledger.py'), ...options, path], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  return path;
}

async function handIn(page, path) {
  await page.goto('/incidents/1/import');
  await page.setInputFiles('input[type="file"]', path);
  await page.click('form[enctype] button');
}

const figures = async (page) => Object.fromEntries(await page.locator('.sum div').evaluateAll((divs) => divs.map((d) => [
  d.querySelector('dt').textContent, Number(d.querySelector('dd').textContent.replace(/,/g, ''))])));

const finish = (page) => page.waitForSelector('.note.good', { timeout: 60000 });

onEachDatabase('an Excel ledger is imported, a column corrected, and an updated file shown first', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'en' });
  await handIn(page, ledger(board, 'システム台帳_2021年度_最終版(3).xlsx', '--numbers'));
  await page.waitForURL(/\/import\/\d+$/);
  assert.match(await page.locator('h1').innerText(), /最終版\(3\)\.xlsx/);
  assert.match(await page.locator('.facts').innerText(), /182 rows/);
  const owner = page.locator('tr', { has: page.locator('th', { hasText: '主管' }) });
  assert.equal(await owner.locator('select').inputValue(), 'department+owner');
  assert.match(await owner.innerText(), /Please check/);
  // a correction is read at once: the notes are to be kept as a column of their own
  const notes = page.locator('tr', { has: page.locator('th', { hasText: '備考' }) });
  await Promise.all([page.waitForResponse(/\/columns$/), notes.locator('select').selectOption('free')]);
  await page.waitForFunction(() => ![...document.querySelectorAll('.pre thead th')].some((th) => th.textContent === 'Notes'));
  assert.ok(await page.locator('.pre u').count() > 0); // what reading changed is underlined
  await examine(page);

  await page.click('text=Show what will change');
  await page.waitForURL(/\/changes$/);
  assert.deepEqual(await figures(page), { 'New rows': 182, Changed: 0, 'As before': 0, 'Not in the file': 0 });
  await page.click('text=Import 182 rows');
  await finish(page);
  assert.deepEqual(await figures(page), { 'New rows': 182, Changed: 0, 'As before': 0, 'Not in the file': 0 });

  // some days later
  await handIn(page, ledger(board, 'システム台帳_12月.xlsx', '--numbers', '--updated'));
  await page.waitForURL(/\/import\/\d+$/);
  assert.match(await page.locator('#h-map + .meta').innerText(), /as in the last file/);
  assert.equal(await page.locator('tr', { has: page.locator('th', { hasText: '備考' }) }).locator('select').inputValue(), 'free');
  await page.click('text=Show what will change');
  await page.waitForURL(/\/changes$/);
  const plan = await figures(page);
  assert.ok(plan.Changed > 0 && plan['New rows'] > 0 && plan['Not in the file'] > 0 && plan['As before'] > 100, JSON.stringify(plan));
  assert.ok(await page.locator('.delta del').count() > 0);
  await examine(page);
  await page.click(`text=Import ${plan.Changed + plan['New rows']} rows`);
  await finish(page);
  assert.deepEqual(await figures(page), plan);

  // the same file again brings nothing new
  await handIn(page, ledger(board, 'システム台帳_12月.xlsx', '--numbers', '--updated'));
  await page.click('text=Show what will change');
  await page.waitForURL(/\/changes$/);
  const again = await figures(page);
  assert.deepEqual([again['New rows'], again.Changed], [0, 0]);
  assert.equal(await page.locator('button.pri').isDisabled(), true);
  await page.goto('/incidents/1/import');
  assert.equal(await page.locator('table.past tbody tr').count(), 2);
});

onEachDatabase('rows that cannot be taken are named and left out', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  await handIn(page, ledger(board, '台帳.csv', '--bad', '--charset', 'cp932'));
  await page.waitForURL(/\/import\/\d+$/);
  await page.click('text=変わるところを見る');
  await page.waitForURL(/\/changes$/);
  assert.equal(await page.locator('button.pri').isDisabled(), true);
  const bad = page.locator('.prob li', { has: page.locator('.err') });
  assert.match(await bad.first().innerText(), /\d+ 行.*名称/);
  for (const box of await bad.locator('input').all()) await box.check();
  await page.click('text=選んだ行を外して確かめ直す');
  await page.waitForLoadState();
  assert.equal(await page.locator('.prob .err').count(), 0);
  assert.equal(await page.locator('button.pri').isDisabled(), false);
  await page.click('button.pri');
  await finish(page);
});

onEachDatabase('a ledger that changed since it was shown is shown again', async (t, board) => {
  board.openIncident();
  const one = await board.page(t, { role: 'responder', lang: 'en' });
  const two = await board.page(t, { role: 'administrator', lang: 'en' });
  const file = ledger(board, 'a.xlsx', '--rows', '20', '--numbers');
  for (const page of [one, two]) {
    await handIn(page, file);
    await page.waitForURL(/\/import\/\d+$/);
    await page.click('text=Show what will change');
    await page.waitForURL(/\/changes$/);
  }
  await two.click('text=Import 20 rows');
  await finish(two);
  await one.click('text=Import 20 rows');
  await one.waitForSelector('.note.warn');
  assert.match(await one.locator('.note.warn').innerText(), /changed meanwhile/);
  assert.deepEqual(await figures(one), { 'New rows': 0, Changed: 0, 'As before': 20, 'Not in the file': 0 });
});

onBoard('files that cannot be read are refused with the reason, and nothing is kept', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  const broken = join(board.dir, '壊れた.xlsx');
  writeFileSync(broken, 'PK\x03\x04 and nothing more');
  await handIn(page, broken);
  await page.waitForSelector('.note.bad');
  assert.match(await page.locator('.note.bad').innerText(), /受け取れません/);
  await examine(page);
  await shoot(page, 'import-refused');
  const empty = join(board.dir, 'empty.csv');
  writeFileSync(empty, '');
  await handIn(page, empty);
  await page.waitForSelector('.note.bad');
  const text = join(board.dir, 'memo.csv');
  writeFileSync(text, 'a\n');
  await handIn(page, text);
  await page.waitForSelector('.note.bad');
  assert.match(await page.locator('.note.bad').innerText(), /見出し/);
});

onBoard('without JavaScript, and readers see no form', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'ja', script: false });
  await handIn(page, ledger(board, '台帳.xlsx', '--rows', '60'));
  await page.waitForURL(/\/import\/\d+$/);
  const notes = page.locator('tr', { has: page.locator('th', { hasText: '備考' }) });
  await notes.locator('select').selectOption('leave_out');
  await page.click('text=この列で読み直す');
  await page.waitForURL(/\/columns$/);
  assert.equal(await notes.locator('select').inputValue(), 'leave_out');
  await page.click('text=変わるところを見る');
  await page.waitForURL(/\/changes$/);
  await page.click('button.pri');
  await finish(page); // the page comes again by itself
  const reader = await board.page(t, { role: 'reader', lang: 'ja' });
  await reader.goto('/incidents/1/import');
  assert.equal(await reader.locator('main form').count(), 0);
  assert.equal(await reader.locator('table.past tbody tr').count(), 1);
});

onBoard('in every look', async (t, board) => {
  board.openIncident('Log4Shell');
  const first = await board.page(t, { role: 'responder', lang: 'ja' });
  await handIn(first, ledger(board, 'システム台帳_2021年度_最終版(3).xlsx', '--bad'));
  await first.waitForURL(/\/import\/\d+$/);
  await first.click('text=変わるところを見る');
  for (const box of await first.locator('.prob li:has(.err) input').all()) await box.check();
  await first.click('text=選んだ行を外して確かめ直す');
  await first.click('button.pri:enabled');
  await finish(first);
  await shoot(first, 'import-done');
  await handIn(first, ledger(board, 'システム台帳_12月.xlsx', '--updated', '--bad'));
  await first.waitForURL(/\/import\/\d+$/);
  const columns = first.url();
  await inEveryLook(t, board, { role: 'responder' }, async (page, look) => {
    await page.goto('/incidents/1/import');
    await examine(page);
    await shoot(page, `import-${look}`);
    await page.goto(columns);
    await examine(page);
    await shoot(page, `import-columns-${look}`);
    await page.click('form button.pri');
    await page.waitForURL(/\/changes$/);
    await examine(page);
    await shoot(page, `import-changes-${look}`);
  });
});
