// Proposals in bulk, and an owner's own work on a phone.
import assert from 'node:assert/strict';
import { examine, inEveryLook, onBoard, onEachDatabase, PEOPLE, shoot } from './harness.mjs';
import { EAR, fill, firstDay, scan } from './company.mjs';

onEachDatabase('proposals are confirmed in bulk; one that somebody judged meanwhile says who', async (t, board) => {
  const a = await board.page(t, { lang: 'ja' });
  const company = await fill(board, a);
  const { incident, of } = company;
  const where = `/incidents/${incident}/proposals`;
  await a.goto(where);
  assert.match(await a.locator('.empty').innerText(), /承認待ちの提案はありません/);
  scan(board, incident, 'fare-b01', { '/srv/fare/lib/log4j-core-2.11.0.jar': '2.11.0' });
  scan(board, incident, 'wms-app01', { [EAR]: '2.14.1' }, { gaps: { '/srv/nfs': 'network file system' } });
  scan(board, incident, 'sync-01');
  scan(board, incident, 'api-01', {}, { gaps: { '/srv/nfs': 'network file system' } });
  const b = await board.page(t, { lang: 'ja', role: 'administrator' });
  await Promise.all([a.goto(where), b.goto(where)]);
  // what a scan misses is a sentence in the reader's language
  assert.match(await a.locator('.panel', { hasText: 'api-01' }).locator('.found').innerText(), /^api-01: .*読めていない/);
  const all = await a.locator('input[type=checkbox][name=e]').count();
  assert.ok(all >= 3);
  assert.equal(await a.locator('.bulk').isVisible(), false);

  // b judges one; a, who chose all, is told which and by whom, and nothing was done.
  await b.locator('.panel', { hasText: 'fare-b01' }).locator('header button').click();
  assert.match(await b.locator('.said').innerText(), /提案 1 件を承認しました/);
  await a.locator('input[data-all=e]').check();
  assert.equal(await a.locator('input[type=checkbox][name=e]:checked').count(), all);
  await a.click('.bulk button[value=confirm]');
  const told = await a.locator('.note.bad').innerText();
  assert.match(told, new RegExp(PEOPLE.administrator.name));
  assert.match(told, /運賃計算/);
  assert.equal(await a.locator('input[type=checkbox][name=e]').count(), all - 1);
  assert.equal(await a.locator('input[type=checkbox][name=e]:checked').count(), all - 1);
  await examine(a);
  await a.click('.bulk button[value=refuse]'); // needs a reason
  assert.match(await a.locator('.note.bad').innerText(), /却下には理由が必要です/);
  await a.fill('.bulk input[name=reason]', '古い走査なので取り直す');
  await a.click('.bulk button[value=refuse]');
  assert.match(await a.locator('.said').innerText(), new RegExp(`提案 ${all - 1} 件を却下しました`));
  assert.equal(await a.locator('input[type=checkbox][name=e]').count(), 0);
  await a.goto(`${of('倉庫ラベル発行')}/history?question=log4j&cve=`);
  assert.match(await a.locator('main').innerText(), /古い走査なので取り直す/);

  const reader = await board.page(t, { lang: 'ja', role: 'reader' });
  scan(board, incident, 'api-01', { '/opt/api.jar': '2.14.1' });
  await reader.goto(where);
  assert.match(await reader.locator('main').innerText(), /api-01/);
  assert.equal(await reader.locator('main form[method=post], main input[type=checkbox]').count(), 0);
  const owner = await board.page(t, { lang: 'ja', role: 'owner' });
  await owner.goto(where);
  assert.doesNotMatch(await owner.locator('main').innerText(), /api-01/);
});

onEachDatabase('an owner answers all questions of a row on a phone, without script', async (t, board) => {
  const page = await board.page(t, { lang: 'ja' });
  const { incident, of } = await fill(board, page);
  scan(board, incident, 'fare-b01', { '/srv/fare/lib/log4j-core-2.11.0.jar': '2.11.0' });
  const owner = await board.page(t, { lang: 'ja', role: 'owner', width: 390, script: false });
  await owner.goto(`/incidents/${incident}/mine`);
  assert.match(await owner.locator('main').innerText(), /2 件があなたの回答を待っています/);
  assert.doesNotMatch(await owner.locator('main').innerText(), /取引先API/);
  await owner.locator('.sys', { hasText: '運賃計算' }).locator('a.btn').click();
  assert.match(await owner.locator('main').innerText(), /走査で見つかったもの[\s\S]*fare-b01/);

  // Nothing chosen is refused; a text that was typed stays.
  await owner.locator('.more > summary').click();
  await owner.fill('#m-text', 'サーバーで確認');
  await owner.click('.sendbar button');
  assert.match(await owner.locator('.note.bad').innerText(), /答えを選んでください/);
  assert.equal(await owner.inputValue('#m-text'), 'サーバーで確認');
  const pick = (legend, word) => owner.locator('fieldset.q', { hasText: legend }).first().locator('.pick label', { hasText: word }).first().click();
  await pick('Java を使っていますか', 'はい');
  await pick('Log4j を使っていますか', 'はい');
  await owner.fill('input[id="v-log4j-"]', '２．１１．０');
  await owner.locator('#m-file').setInputFiles({ name: 'java-version.txt', mimeType: 'text/plain', buffer: Buffer.from('1.8.0_202') });
  await owner.click('.sendbar button');
  assert.match(await owner.locator('.said').innerText(), /回答を保存しました/);
  assert.match(await owner.locator('h1').innerText(), /倉庫ラベル発行/); // on to the next

  await page.goto(of('運賃計算'));
  const log4j = page.locator('.qa tbody tr', { hasText: 'Log4j を使っていますか' });
  assert.match(await log4j.innerText(), new RegExp(`${PEOPLE.owner.name}: はい 2\\.11\\.0[\\s\\S]*サーバーで確認[\\s\\S]*java-version\\.txt`));

  // Answering again begins with what was said, and writes only what is new.
  await owner.goto(`/incidents/${incident}/mine`);
  await owner.locator('.sys', { hasText: '運賃計算' }).locator('a.btn').click();
  assert.equal(await owner.locator('input[name="o-java-"][value=yes]').isChecked(), true);
  for (const group of await owner.locator('fieldset.q', { hasText: 'ベンダーの見解' }).all()) {
    await group.locator('.pick label', { hasText: 'まだ発表なし' }).click();
  }
  await owner.click('.sendbar button');
  await page.goto(`${of('運賃計算')}/history`);
  assert.equal(await page.locator('.log.whole > li', { hasText: '回答' }).count(), 4);
});

onBoard('proposals and my work look right in every look', async (t, board) => {
  const page = await board.page(t);
  const company = await fill(board, page);
  await firstDay(board, page, company);
  const { incident, ids } = company;
  await inEveryLook(t, board, {}, async (p, look) => {
    await p.goto(`/incidents/${incident}/proposals`);
    await p.locator('input[type=checkbox][name=e]').first().check();
    await examine(p);
    await shoot(p, `proposals-${look}`);
  });
  await inEveryLook(t, board, { role: 'owner' }, async (p, look) => {
    await p.goto(`/incidents/${incident}/mine`);
    await examine(p);
    await shoot(p, `mine-${look}`);
    await p.goto(`/incidents/${incident}/mine/${ids['運賃計算']}`);
    await p.locator('.more > summary').click();
    await examine(p);
    await shoot(p, `mine-answer-${look}`);
    if (look.includes('390')) {
      for (const target of await p.locator('.pick label, .sendbar button').all()) {
        const box = await target.boundingBox();
        assert.ok(box.height >= 48, `${await target.innerText()}: ${box.height} px`);
      }
    }
  });
});
