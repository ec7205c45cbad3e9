// The ledger page: narrowing, order, pages, editing in place by several people, ticked rows.
import assert from 'node:assert/strict';
import { examine, inEveryLook, onBoard, onEachDatabase, PEOPLE, shoot, until } from './harness.mjs';
import { fill, firstDay, send } from './company.mjs';

const names = (page) => page.locator('.ledger tbody a.to').allInnerTexts();
const cell = (page, name, kind) => page.locator('.ledger tbody tr', { hasText: name }).locator(kind);

onEachDatabase('the ledger is narrowed, sorted and paged by its address', async (t, board) => {
  const page = await board.page(t, { lang: 'ja', width: 1600 });
  const { incident, ledger } = await fill(board, page, { more: 40 });
  await page.goto(ledger);
  assert.equal((await names(page)).length, 40);
  assert.match(await page.locator('.pager').innerText(), /1–40 \/ 46 件/);
  await page.click('.pager a[rel=next]');
  assert.equal((await names(page)).length, 6);

  await page.fill('.filter input[name=q]', '高橋'); // 髙橋 is another letter; what is typed is 連携
  await page.click('.filter button.pri');
  assert.deepEqual(await names(page), []);
  await page.fill('.filter input[name=q]', '連携');
  await page.click('.filter button.pri');
  assert.deepEqual(await names(page), ['㈱髙橋倉庫 連携バッチ']);
  await page.click('.applied .x1');
  assert.equal((await names(page)).length, 40);

  await page.goto(`${ledger}?q=ｗｍｓ－ａｐｐ０１`); // full width, in the hosts
  assert.deepEqual(await names(page), ['倉庫ラベル発行']);
  await page.goto(`${ledger}?category=external&category=saas`);
  assert.deepEqual(await names(page), ['取引先API']);
  await page.goto(`${ledger}?noowner=1`);
  assert.deepEqual(await names(page), ['㈱髙橋倉庫 連携バッチ']);
  await page.goto(`${ledger}?exposed=1&state=affected`);
  assert.deepEqual(await names(page), []);
  assert.equal(await page.locator('.applied .x1').count(), 2);
  await page.goto(`${ledger}?unscanned=1&sort=name`);
  assert.equal((await names(page)).length, 4);

  // Each header that is a link sorts; once more turns it round, and says so.
  await page.goto(`${ledger}?rows=100`);
  for (const label of ['名称・製品', '状態', '更新']) {
    await page.locator('.ledger thead a', { hasText: label }).click();
    const first = await page.locator('.ledger thead [aria-sort]').getAttribute('aria-sort');
    const was = await names(page);
    await page.locator('.ledger thead a', { hasText: label }).click();
    const second = await page.locator('.ledger thead [aria-sort]').getAttribute('aria-sort');
    assert.notEqual(first, second);
    assert.notDeepEqual(await names(page), was, label);
  }
  assert.equal(await page.locator('.seg label', { hasText: '社内' }).locator('b').innerText(), '3');
  assert.equal(incident, 1);
});

onEachDatabase('two people edit at once: a lost race is shown, not overwritten', async (t, board) => {
  const a = await board.page(t, { lang: 'ja' });
  const { ledger } = await fill(board, a);
  const b = await board.page(t, { lang: 'ja', role: 'administrator' });
  const row = '図面ビューア';
  await Promise.all([a.goto(ledger), b.goto(ledger)]);

  // a opens the cell; b saves it first.
  await cell(a, row, 'td.c3 a.ed').first().click();
  await a.fill('#edit-value', '小野寺 匠');
  await cell(b, row, 'td.c3 a.ed').first().click();
  await b.fill('#edit-value', '森田 健');
  await b.click('td.edit button.pri');
  await b.waitForSelector('td.edit', { state: 'detached' });
  assert.match(await cell(b, row, 'td.c3').innerText(), /森田 健/);

  await a.click('td.edit button.pri');
  await a.waitForSelector('#edit-note');
  const note = await a.locator('#edit-note').innerText();
  assert.match(note, /先に変更されました: いまは「森田 健」/);
  assert.match(note, new RegExp(PEOPLE.administrator.name));
  assert.equal(await a.inputValue('#edit-value'), '小野寺 匠');
  await examine(a);

  // Nothing was written over; saying so once more does it, knowingly.
  await b.reload();
  assert.match(await cell(b, row, 'td.c3').innerText(), /森田 健/);
  await a.click('td.edit button.pri');
  await a.waitForSelector('td.edit', { state: 'detached' });
  assert.match(await cell(a, row, 'td.c3').innerText(), /小野寺 匠/);

  // Two cells of one row are no conflict: each keeps what it was given.
  await cell(a, row, 'td.c3 a.ed').nth(1).click();
  await a.fill('#edit-value', '設計二部');
  await b.goto(`${ledger}?q=図面`);
  await cell(b, row, 'th .sub a.ed').nth(1).click();
  await b.fill('#edit-value', '11.4');
  await b.click('th.edit button.pri');
  await b.waitForSelector('th.edit', { state: 'detached' });
  await a.click('td.edit button.pri');
  await a.waitForSelector('td.edit', { state: 'detached' });
  await a.reload();
  assert.match(await cell(a, row, 'td.c3').innerText(), /設計二部/);
  assert.match(await cell(a, row, 'th').innerText(), /11\.4/);
});

onBoard('without script the same cell is a form of the page, and a race is lost the same way', async (t, board) => {
  const a = await board.page(t, { lang: 'ja', script: false });
  const { ledger, of } = await fill(board, a);
  const other = await board.page(t, { lang: 'ja', role: 'administrator' });
  await a.goto(`${ledger}?category=client`);
  await cell(a, '図面ビューア', 'td.c3 a.ed').first().click();
  assert.match(a.url(), /category=client.*edit=\d+&field=owner#r\d+$/);
  await a.fill('#edit-value', '小野寺 匠');
  await other.goto(ledger);
  await cell(other, '図面ビューア', 'td.c3 a.ed').first().click();
  await other.fill('#edit-value', '森田 健');
  await other.click('td.edit button.pri');
  await other.waitForSelector('td.edit', { state: 'detached' });
  await a.click('td.edit button.pri');
  assert.match(await a.locator('#edit-note').innerText(), /いまは「森田 健」/);
  assert.equal(await a.inputValue('#edit-value'), '小野寺 匠');
  await a.click('td.edit button.pri');
  assert.match(a.url(), /ledger\?category=client#r\d+$/);
  assert.match(await cell(a, '図面ビューア', 'td.c3').innerText(), /小野寺 匠/);

  // The whole row as a form: what only one of two changed is saved, what both changed is shown.
  await a.goto(of('図面ビューア') + '/edit');
  await a.fill('#f-vendor', '北斗データ株式会社');
  await a.fill('#f-notes', '設計部の端末 41 台');
  await other.goto(of('図面ビューア') + '/edit');
  await other.fill('#f-vendor', '北斗');
  await other.fill('#f-version', '12.0');
  await other.click('main button.pri');
  await a.click('main button.pri');
  assert.match(await a.locator('#f-vendor-now').innerText(), /北斗$/);
  assert.equal(await a.inputValue('#f-vendor'), '北斗データ株式会社');
  assert.equal(await a.inputValue('#f-version'), '12.0');
  assert.equal(await a.inputValue('#f-notes'), '設計部の端末 41 台');
  await a.click('main button.pri');
  assert.match(await a.locator('main').innerText(), /設計部の端末 41 台/);
  assert.match(await a.locator('main').innerText(), /北斗データ株式会社 Mihari CAD Viewer 12\.0/);

  // A row without a name is refused, and keeps what was typed.
  await a.goto(`${ledger}/new`);
  await a.locator('#f-name').evaluate((el) => el.removeAttribute('required'));
  await a.fill('#f-owner', '相沢 直');
  await a.click('main button.pri');
  assert.equal(await a.locator('.note.bad[role=alert]').count(), 1);
  assert.equal(await a.inputValue('#f-owner'), '相沢 直');
});

onEachDatabase('ticked rows are asked for, assigned and retired; a refusal keeps the ticks', async (t, board) => {
  const page = await board.page(t, { lang: 'ja' });
  const { ledger } = await fill(board, page);
  await page.goto(`${ledger}?category=internal`);
  assert.equal(await page.locator('.bulk').isVisible(), false);
  await page.locator('input[data-all=row]').check();
  assert.equal(await page.locator('input[name=row]:checked').count(), 3);
  await examine(page);
  await page.locator('.bulk summary', { hasText: '責任者に依頼' }).click();
  await page.click('.bulk button[value=ask]');
  assert.match(await page.locator('.said').innerText(), /3 行の責任者に依頼しました/);
  assert.equal(await page.locator('.ledger .st[data-s=asked]').count() >= 3, true);
  assert.match(await cell(page, '運賃計算', 'td.c4').innerText(), /期限/);

  await cell(page, '連携バッチ', 'input[name=row]').check();
  await page.locator('.bulk summary', { hasText: '廃止' }).click();
  await page.click('.bulk button[value=retire]');
  assert.match(await page.locator('.note.bad').innerText(), /廃止には理由が必要です/);
  assert.equal(await page.locator('input[name=row]:checked').count(), 1);
  await page.locator('.bulk summary', { hasText: '廃止' }).click();
  await page.fill('#bulk-reason', '取引が終わった');
  await page.click('.bulk button[value=retire]');
  assert.deepEqual((await names(page)).includes('㈱髙橋倉庫 連携バッチ'), false);
  await page.goto(`${ledger}?retired=1&q=連携`);
  assert.deepEqual(await names(page), ['㈱髙橋倉庫 連携バッチ']);

  const owner = await board.page(t, { lang: 'ja', role: 'owner' });
  await owner.goto(ledger);
  assert.deepEqual((await names(owner)).sort(), ['倉庫ラベル発行', '運賃計算']);
  await page.goto(`${ledger}?q=勤怠`);
  await page.locator('input[name=row]').check();
  await page.locator('.bulk summary', { hasText: 'アカウント' }).click();
  await page.selectOption('#bulk-account', { label: `${PEOPLE.owner.name} (${PEOPLE.owner.login})` });
  await page.click('.bulk button[value=assign]');
  await owner.reload();
  assert.equal((await names(owner)).length, 3);
});

onBoard('what changes meanwhile is told, and an edit is not disturbed', async (t, board) => {
  const a = await board.page(t, { lang: 'ja' });
  const { ledger, of } = await fill(board, a);
  const b = await board.page(t, { lang: 'ja', role: 'administrator' });
  await a.goto(ledger);
  await until(async () => (await a.locator('.live').innerText()).includes('自動更新'), 'the page is live');
  await cell(a, '図面ビューア', 'td.c3 a.ed').first().click();
  await a.fill('#edit-value', '小野');
  await b.goto(of('運賃計算') + '/edit');
  await b.fill('#f-vendor', 'ツバメ工房(株)');
  await b.click('main button.pri');
  await a.locator('#news .note').waitFor();
  assert.match(await a.locator('#news').innerText(), /1 行が更新されました/);
  assert.equal(await a.inputValue('#edit-value'), '小野');
  await examine(a);
});

onBoard('the ledger looks right in every look, for every role', async (t, board) => {
  const page = await board.page(t);
  const company = await fill(board, page);
  await firstDay(board, page, company);
  await send(page, `${company.ledger}/rows`, { do: 'ask', row: company.ids['運賃計算'], due: '' });
  await inEveryLook(t, board, {}, async (p, look) => {
    await p.goto(company.ledger);
    await examine(p);
    await shoot(p, `ledger-${look}`);
    await p.goto(`${company.ledger}?edit=${company.ids['図面ビューア']}&field=product&state=waiting_vendor&state=affected&state=investigating`);
    await examine(p);
    await shoot(p, `ledger-edit-${look}`);
    await p.goto(`${company.ledger}/new`);
    await examine(p);
    await shoot(p, `row-new-${look}`);
  });
  for (const role of ['owner', 'reader']) {
    const p = await board.page(t, { role, lang: 'ja' });
    await p.goto(company.ledger);
    assert.equal(await p.locator('main a.ed, main input[name=row], main form[method=post]').count(), 0, role);
    await examine(p);
  }
});
