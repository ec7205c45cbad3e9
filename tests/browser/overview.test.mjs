// The overview: figures that lead to the ledger, what waits for a judgement, live when others work.
import assert from 'node:assert/strict';
import { examine, inEveryLook, onBoard, onEachDatabase, shoot } from './harness.mjs';
import { handInScan, importLedger, scanOf } from './parts.mjs';

onEachDatabase('empty, it says where to begin; with a ledger, its figures add up and lead to it', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'en' });
  await page.goto('/incidents/1');
  assert.match(await page.locator('#o-first').innerText(), /Import the ledger you have/);
  assert.match(await page.locator('#o-story').innerText(), /2\.17\.1/);
  await examine(page);
  await importLedger(board, page);
  await page.goto('/incidents/1');
  assert.match(await page.locator('.lede').innerText(), /Of 182 rows/);
  const cells = await page.locator('.matrix tr:has([data-s="not_asked"]) td').allInnerTexts();
  const numbers = cells.map(Number);
  assert.equal(numbers.at(-1), 182);
  assert.equal(numbers.slice(0, -1).reduce((a, b) => a + b), 182);
  assert.equal(await page.locator('.matrix td.zero').count() > 0, true);
  // each number leads to exactly so many rows
  for (const row of ['[data-s="not_asked"]', '[data-c="none"]']) {
    const link = page.locator(`.matrix tr:has(${row}) td a`).first();
    const number = Number(await link.innerText());
    assert.ok(number > 0 && number < 182);
    await link.click();
    await page.waitForURL(/\/ledger\?category=external&/);
    assert.match(await page.locator('.pager, .meta, .lede').allInnerTexts().then((t) => t.join(' ')), new RegExp(`\\b${number}\\b`));
    assert.equal(await page.locator('.ledger tbody tr').count(), Math.min(number, 40));
    await page.goto('/incidents/1');
  }
  await page.locator('#o-wait a[href*="state=not_asked"]').click();
  await page.waitForURL(/\/ledger\?state=not_asked$/);
});

onEachDatabase('what somebody else does is seen without loading the page again', async (t, board) => {
  board.openIncident();
  const one = await board.page(t, { role: 'reader', lang: 'en' });
  const two = await board.page(t, { role: 'responder', lang: 'en' });
  await importLedger(board, two, '--rows', '30');
  await one.goto('/incidents/1');
  await one.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
  assert.equal(await one.locator('#o-alarms').count(), 0);
  const marked = await one.evaluate(() => { document.body.dataset.same = 'yes'; return true; });
  assert.ok(marked);
  // a host that the ledger names hands in a scan: its row waits for a judgement
  await handInScan(board, two, scanOf(board, 'int0002-1', [{ path: '/srv/label/log4j-core-2.14.1.jar', version: '2.14.1', state: 'affected' }]));
  await one.waitForSelector('#o-alarms', { timeout: 10000 });
  assert.match(await one.locator('#o-alarms').innerText(), /int0002-1/);
  assert.equal(await one.evaluate(() => document.body.dataset.same), 'yes'); // it is the same page
});

onBoard('without JavaScript it is complete, and an owner sees what is theirs', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  await importLedger(board, page, '--rows', '60');
  await handInScan(board, page, scanOf(board, 'int0002-1', [{ path: '/srv/label/log4j-core-2.14.1.jar', version: '2.14.1', state: 'affected' }]));
  const still = await board.page(t, { role: 'reader', lang: 'ja', script: false });
  await still.goto('/incidents/1');
  for (const part of ['#o-alarms', '#o-matrix', '#o-wait', '#o-log', '#o-story', '#o-scans']) {
    assert.equal(await still.locator(part).count(), 1, part);
  }
  const owner = await board.page(t, { role: 'owner', lang: 'ja' });
  await owner.goto('/incidents/1');
  for (const part of ['#o-alarms', '#o-matrix', '#o-wait', '#o-log', '#o-scans']) {
    assert.equal(await owner.locator(part).count(), 0, part);
  }
  assert.match(await owner.locator('.lede').innerText(), /責任者の行はありません/);
});

onBoard('in every look', async (t, board) => {
  board.openIncident('Log4Shell');
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  await inEveryLook(t, board, { role: 'responder' }, async (view, look) => {
    await view.goto('/incidents/1');
    await examine(view);
    await shoot(view, `overview-empty-${look}`);
  });
  await importLedger(board, page);
  await handInScan(board, page, scanOf(board, 'int0002-1', [
    { path: '/srv/label/labelsuite.war!/WEB-INF/lib/print.jar!/aoba-common.jar', version: '2.14.1', state: 'affected' },
    { path: '/srv/label/tools/log4j-core-2.17.1.jar', version: '2.17.1', state: 'fixed' },
  ]));
  await handInScan(board, page, scanOf(board, 'wms-app03', [{ path: '/opt/wms/log4j-core-2.11.0.jar', version: '2.11.0', state: 'affected' }]));
  await handInScan(board, page, scanOf(board, 'int0003-1', [], [{ path: '/srv/data/old.zip', reason: 'encrypted' }]));
  await inEveryLook(t, board, { role: 'responder' }, async (view, look) => {
    await view.goto('/incidents/1');
    await examine(view);
    await shoot(view, `overview-${look}`);
  });
});
