// Hosts: registered with a token that is shown once, scans handed in as files, what nobody looked at.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { examine, inEveryLook, onBoard, onEachDatabase, shoot } from './harness.mjs';
import { handInScan, importLedger, scanOf } from './parts.mjs';

onEachDatabase('a host is registered, its token shown once, renewed and disabled', async (t, board) => {
  board.openIncident('Log4Shell');
  const page = await board.page(t, { role: 'administrator', lang: 'en' });
  await page.goto('/hosts');
  await page.fill('#h-name', 'WMS-App01.example.co.jp');
  await page.click('form.write button');
  const first = /hkh_[\w-]{43}/.exec(await page.locator('main').innerText())[0];
  assert.match(await page.locator('main').innerText(), new RegExp(`${board.url}/api/v1/incidents/1/findings`));
  await examine(page);
  await shoot(page, 'hosts-token');
  await page.goto('/hosts');
  assert.equal((await page.content()).includes('hkh_'), false);
  assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['wms-app01.example.co.jp']);
  await page.click('text=New token');
  const second = /hkh_[\w-]{43}/.exec(await page.locator('main').innerText())[0];
  assert.notEqual(first, second);
  await page.goto('/hosts');
  await page.click('text=Disable');
  await page.waitForSelector('.tag:has-text("disabled")');
  await page.fill('#h-name', 'wms-app01.example.co.jp');
  await page.click('form.write button');
  assert.match(await page.locator('.err').innerText(), /wms-app01/);
  assert.equal(await page.inputValue('#h-name'), 'wms-app01.example.co.jp');

  for (const role of ['responder', 'reader']) {
    const other = await board.page(t, { role, lang: 'en' });
    await other.goto('/hosts');
    assert.equal(await other.locator('main form').count(), 0);
    await other.context().close();
  }
});

onEachDatabase('a scan handed in as a file shows what nobody had named, and what was not examined', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'en' });
  await importLedger(board, page, '--rows', '20');
  await handInScan(board, page, scanOf(board, 'wms-app03', [{ path: '/opt/wms/log4j-core-2.11.0.jar', version: '2.11.0', state: 'affected' }]));
  await handInScan(board, page, scanOf(board, 'int0002-1.mizunagi.example', [], [{ path: '/srv/data/old.zip', reason: 'encrypted' }]));
  await page.goto('/incidents/1/hosts?show=unnamed');
  assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['wms-app03']);
  await page.click('tbody >> text=Add a row');
  await page.waitForURL(/\/ledger\/new\?hosts=wms-app03$/);
  assert.match(await page.locator('[name="hosts"]').inputValue(), /wms-app03/);
  // a row that names the short name is the row of the whole one
  await page.goto('/incidents/1/hosts?show=incomplete');
  assert.deepEqual(await page.locator('tbody th').allInnerTexts(), ['int0002-1.mizunagi.example']);
  assert.match(await page.locator('tbody tr').innerText(), /1 place not examined/);
  assert.match(await page.locator('tbody tr').innerText(), /倉庫管理/);
  await page.goto('/incidents/1/hosts?show=never&q=INT0002');
  for (const host of await page.locator('tbody th').allInnerTexts()) assert.match(host, /^int0002-[23]$/);
});

onBoard('what is no scan is refused and says why; a scan handed in twice changes nothing', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  const whole = scanOf(board, 'wms-app03', [{ path: '/opt/x.jar', version: '2.11.0', state: 'affected' }]);
  await handInScan(board, page, whole);
  await handInScan(board, page, whole);
  assert.match(await page.locator('.note').innerText(), /提出済み/);
  for (const [name, text, words] of [
    ['cut.jsonl', '{"path":"/opt/x.jar"}\n', /要約/],
    ['empty.jsonl', '\n', /要約/],
    ['other.jsonl', '{"summary":{"host":"a b"}}\n', /./],
  ]) {
    const path = join(board.dir, name);
    writeFileSync(path, text);
    await page.goto('/incidents/1/hosts');
    await page.setInputFiles('#s-file', path);
    await page.click('#hand-in button');
    assert.match(await page.locator('#hand-in .err').innerText(), words);
  }
  await examine(page);
  assert.deepEqual(await page.locator('.hostlist tbody th').allInnerTexts(), ['wms-app03']);
});

onBoard('in every look', async (t, board) => {
  board.openIncident('Log4Shell');
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  await importLedger(board, page, '--rows', '30');
  await handInScan(board, page, scanOf(board, 'int0002-1', [{ path: '/srv/label/labelsuite.war!/WEB-INF/lib/print.jar!/aoba-common.jar', version: '2.14.1', state: 'affected' }]));
  await handInScan(board, page, scanOf(board, 'wms-app03', [{ path: '/opt/wms/log4j-core-2.11.0.jar', version: '2.11.0', state: 'affected' }]));
  await handInScan(board, page, scanOf(board, 'int0003-1', [], [{ path: '/srv/data/old.zip', reason: 'encrypted' }]));
  await inEveryLook(t, board, { role: 'administrator' }, async (view, look) => {
    await view.goto('/incidents/1/hosts');
    await examine(view);
    await shoot(view, `hosts-${look}`);
    await view.goto('/hosts');
    if (look === 'ja-1280-light') {
      await view.fill('#h-name', 'wms-app01.example.co.jp');
      await view.click('form.write button');
      await view.goto('/hosts');
    }
    await examine(view);
    await shoot(view, `house-hosts-${look}`);
  });
});
