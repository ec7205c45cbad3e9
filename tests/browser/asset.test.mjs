// The page of a row: answers with a file, sources that disagree, proposals, history, retiring.
import assert from 'node:assert/strict';
import { examine, inEveryLook, onBoard, onEachDatabase, PEOPLE, shoot } from './harness.mjs';
import { EAR, fill, firstDay, scan } from './company.mjs';

const CVE = 'CVE-2021-44228';
const answerRow = (page, text) => page.locator('.qa tbody tr', { hasText: text });

onEachDatabase('a question is answered with a file, and the file comes back as it was', async (t, board) => {
  const page = await board.page(t, { lang: 'ja', role: 'owner' });
  const work = await board.page(t, { lang: 'ja' });
  const { of, incident } = await fill(board, work);
  const file = { name: '見解 <1>.html', mimeType: 'text/html', buffer: Buffer.from('<script>alert(1)</script>') };
  await page.goto(of('運賃計算'));
  const row = answerRow(page, 'ベンダーの見解').filter({ hasText: CVE });
  await row.locator('.more > summary').first().click();
  await row.locator('input[value=not_affected]').check();
  await row.locator('textarea').fill('「同梱していません」\nとのこと');
  await row.locator('input[name=link]').fill('https://aoba.example/as-2021-031');
  await row.locator('input[type=file]').setInputFiles(file);
  await examine(page);
  await row.locator('button.pri').click();
  assert.match(await page.locator('.said').innerText(), /回答を保存しました/);
  assert.equal(await row.locator('td').nth(0).locator('.st').getAttribute('data-s'), 'not_affected');
  assert.match(await row.innerText(), new RegExp(`${PEOPLE.owner.name}: 影響なし`));

  const href = await row.locator('a.att').getAttribute('href');
  const got = await page.request.get(href);
  assert.deepEqual(await got.body(), file.buffer);
  assert.equal(got.headers()['content-type'], 'application/octet-stream');
  assert.equal(got.headers()['x-content-type-options'], 'nosniff');
  assert.match(got.headers()['content-disposition'], /^attachment;/);
  assert.equal((await row.locator('a', { hasText: 'リンク' }).getAttribute('rel')).includes('noopener'), true);

  // Somebody else's attachment and row do not exist for an owner; a reader sees no form.
  assert.equal((await page.request.get(of('取引先API'))).status(), 404);
  assert.equal((await page.request.get(`/incidents/${incident}/attachments/99`)).status(), 404);
  const reader = await board.page(t, { lang: 'ja', role: 'reader' });
  await reader.goto(of('運賃計算'));
  assert.equal(await reader.locator('main form').count(), 0);
  assert.equal((await reader.request.get(href)).status(), 200);

  // A link that is none is refused, and what was typed is still there.
  await page.goto(of('運賃計算'));
  const java = answerRow(page, 'Java を使っていますか');
  await java.locator('.more > summary').first().click();
  await java.locator('input[value=yes]').check();
  await java.locator('textarea').fill('Java 8');
  await java.locator('input[name=link]').evaluate((el) => { el.type = 'text'; el.value = 'javascript:alert(1)'; });
  await java.locator('button.pri').click();
  assert.match(await page.locator('.err[role=alert]').innerText(), /https/);
  assert.equal(await java.locator('textarea').inputValue(), 'Java 8');
  assert.equal(await java.locator('input[value=yes]').isChecked(), true);
});

onEachDatabase('what a scan found is confirmed against an owner’s word, and a person decides', async (t, board) => {
  const page = await board.page(t, { lang: 'ja' });
  const company = await fill(board, page);
  const { of, incident } = company;
  const owner = await board.page(t, { lang: 'ja', role: 'owner' });
  await owner.goto(of('運賃計算'));
  const log4j = (p) => answerRow(p, 'Log4j を使っていますか');
  await log4j(owner).locator('.more > summary').first().click();
  await log4j(owner).locator('input[value=no]').check();
  await log4j(owner).locator('button.pri').click();

  await page.goto(of('運賃計算'));
  assert.match(await page.locator('.hosts').innerText(), /fare-b01/);
  scan(board, incident, 'fare-b01', { '/srv/fare/lib/log4j-core-2.11.0.jar': '2.11.0' });
  await page.reload();
  assert.match(await page.locator('.hosts').innerText(), /影響あり 1 か所/);
  assert.match(await page.locator('#proposals').innerText(), /はい 2\.11\.0/);
  await examine(page);

  // Refusing needs a reason; confirming makes two kinds of evidence that disagree.
  await page.click('#proposals button[value=refuse]');
  assert.match(await page.locator('#proposals .note.bad').innerText(), /却下には理由が必要です/);
  await page.click('#proposals button[value=confirm]');
  assert.match(await page.locator('.said').innerText(), /提案 1 件を承認しました/);
  assert.equal(await page.locator('#proposals').count(), 0);
  assert.match(await page.locator('h1 + .facts .st').getAttribute('data-s'), /affected/);
  const conflict = page.locator('.conflict').first();
  assert.match(await conflict.locator('.pair').innerText(), /log4j-core-2\.11\.0\.jar/);
  assert.match(await conflict.locator('.pair').innerText(), new RegExp(PEOPLE.owner.name));
  await examine(page);

  // A decision needs its reason, is shown with name and reason, and can be withdrawn.
  await conflict.locator('input[value=yes]').check();
  await conflict.locator('input[name=reason]').fill('倉庫で jar を確かめた');
  await conflict.locator('button.pri').click();
  assert.match(await log4j(page).locator('td').nth(2).innerText(), new RegExp(`${PEOPLE.responder.name} が決定: 倉庫で jar を確かめた`));
  await log4j(page).locator('td').nth(2).locator('.more > summary').click();
  await log4j(page).locator('td').nth(2).locator('input[name=reason]').fill('もう一度調べる');
  await log4j(page).locator('td').nth(2).locator('button').click();
  assert.match(await page.locator('.said').innerText(), /決定を取り消しました/);

  // The history of this answer is one click away: everything said, also what counts no more.
  await log4j(page).locator('a', { hasText: '履歴' }).click();
  const past = await page.locator('main').innerText();
  for (const part of ['fare-b01', PEOPLE.owner.name, '倉庫で jar を確かめた', 'もう一度調べる']) assert.match(past, new RegExp(part));
  await examine(page);

  // An owner decides nothing, and what has no reason is refused even without the browser's help.
  const csrf = await owner.locator('input[name=csrf]').first().inputValue();
  const form = { csrf, question: 'log4j', cve: '', option: 'no', detail: '', reason: 'x' };
  assert.equal((await owner.request.post(`${of('運賃計算')}/decide`, { form })).status(), 403);
});

onEachDatabase('a row is edited, retired and restored, and its history says before and after', async (t, board) => {
  const page = await board.page(t, { lang: 'ja', script: false });
  const { of, ledger } = await fill(board, page);
  await page.goto(of('勤怠クラウド'));
  await page.locator('a.btn', { hasText: '行を編集' }).click();
  await page.fill('#f-owner', '藤井 玲');
  await page.fill('#f-hosts', 'kintai-01\nkintai-02');
  await page.click('main button.pri');
  assert.match(await page.locator('.hosts').innerText(), /kintai-01[\s\S]*kintai-02/);
  await page.locator('.head summary', { hasText: '廃止' }).click();
  await page.fill('#retire-reason', '契約が終わった');
  await page.locator('.head form button', { hasText: '廃止' }).click();
  assert.match(await page.locator('main > .note').last().innerText(), /契約が終わった/);
  assert.equal(await page.locator('main .more, main a.btn').count(), 0);
  await page.locator('button', { hasText: '廃止を取り消す' }).click();
  assert.match(await page.locator('.said').innerText(), /廃止を取り消しました/);
  await page.goto(`${of('勤怠クラウド')}/history`);
  const deltas = await page.locator('.delta').allInnerTexts();
  assert.ok(deltas.some((d) => /相沢 直.*藤井 玲/s.test(d)), deltas.join('\n'));
  assert.equal(await page.locator('.log.whole > li').count() >= 4, true);
  await page.goto(`${ledger}?q=勤怠`);
  assert.equal(await page.locator('.ledger tbody tr').count(), 1);
});

onBoard('the row and its scan look right in every look', async (t, board) => {
  const page = await board.page(t);
  const company = await fill(board, page);
  await firstDay(board, page, company);
  await inEveryLook(t, board, {}, async (p, look) => {
    await p.goto(company.of('取引先API'));
    assert.match(await p.locator('.conflict .pair').first().innerText(), /2\.14\.1/); // a version against the maker's word
    await p.locator('.qa .more > summary').first().click();
    await examine(p);
    await shoot(p, `asset-${look}`);
    await p.goto(company.of('倉庫ラベル発行'));
    await examine(p);
    await shoot(p, `asset-proposal-${look}`);
    await p.goto(`${company.of('取引先API')}/history?question=log4j&cve=`);
    await examine(p);
    await shoot(p, `history-${look}`);
    await p.goto(`/incidents/${company.incident}/scans/1`);
    await examine(p);
    assert.match(await p.locator('.gaps').innerText(), /secret\.jar/);
    assert.equal((await p.locator('.findings .path').first().innerText()).replace(/\s/g, ''), EAR);
    await shoot(p, `scan-${look}`);
  });
});
