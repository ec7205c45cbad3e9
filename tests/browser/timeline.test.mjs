// The timeline: written by hand, edited with the original kept, a lost race shown, printed.
import assert from 'node:assert/strict';
import { examine, inEveryLook, onBoard, onEachDatabase, shoot } from './harness.mjs';

async function write(page, at, text, { main = true, outside = false } = {}) {
  await page.goto('/incidents/1/timeline');
  await page.fill('#w-t', at);
  await page.fill('#w-x', text);
  await page.setChecked('form.write input[name="main"]', main);
  await page.setChecked('form.write input[name="outside"]', outside);
  await page.click('form.write button');
  await page.waitForURL(/timeline#t\d+$/);
}

onEachDatabase('an entry is written, edited, and its original shown', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  await write(page, '2021-12-11T01:30', '主要システム調査おわり。ほぼシロ', { main: false });
  const row = page.locator('tr', { hasText: 'ほぼシロ' });
  assert.match(await row.innerText(), /01:30/);
  assert.match(await row.getAttribute('class'), /minor/);

  await row.getByRole('link').click();
  await page.fill('#e-x', '主要なシステムの調査を終了。ほとんどは影響がなさそう');
  await page.check('.editing input[name="main"]');
  await page.check('.editing input[name="outside"]');
  await page.click('.editing button');
  await page.waitForURL(/timeline#t\d+$/);
  const edited = page.locator('tr', { hasText: 'ほとんどは' });
  assert.match(await edited.innerText(), /ほぼシロ/); // the original, shown
  assert.match(await edited.innerText(), /大久保/);
  assert.match(await edited.getAttribute('class'), /main/);

  // the sentence the board wrote itself is edited, and brought back by an empty text
  const opened = page.locator('tr.main', { hasText: 'Log4Shell' }).first();
  await opened.getByRole('link').click();
  await page.fill('#e-x', '事案を開始。CTO の第 1 報を社内チャットへ投稿');
  await page.click('.editing button');
  const own = page.locator('tr', { hasText: 'CTO の第 1 報' });
  await own.getByRole('link').click();
  await page.fill('#e-x', '');
  await page.click('.editing button');
  await page.waitForURL(/timeline#t\d+$/);
  assert.equal(await page.locator('tr', { hasText: 'CTO の第 1 報' }).count(), 0);
});

onEachDatabase('who edits an entry that was changed meanwhile is told, and loses nothing', async (t, board) => {
  board.openIncident();
  const one = await board.page(t, { role: 'responder', lang: 'en' });
  const two = await board.page(t, { role: 'administrator', lang: 'en' });
  await write(one, '2021-12-10T20:30', 'First report to all staff');
  for (const page of [one, two]) {
    await page.goto('/incidents/1/timeline');
    await page.locator('tr', { hasText: 'First report' }).getByRole('link').click();
    await page.waitForSelector('.editing');
  }
  await two.fill('#e-x', 'CTO: first report to all staff');
  await two.click('.editing button');
  await two.waitForURL(/#t\d+$/);
  await one.fill('#e-x', 'First report, by mail and Slack');
  await one.click('.editing button');
  await one.waitForSelector('.note.warn');
  const note = await one.locator('.note.warn').innerText();
  assert.match(note, /CTO: first report/);
  assert.match(note, /佐伯/);
  assert.equal(await one.inputValue('#e-x'), 'First report, by mail and Slack');
  await examine(one);
  await one.click('.editing button'); // knowing that, it replaces
  await one.waitForURL(/#t\d+$/);
  assert.equal(await one.locator('tr', { hasText: 'by mail and Slack' }).count(), 1);
});

onBoard('hidden, for outside, searched', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'en' });
  await write(page, '2021-12-10T17:40', 'Blocking begins at the edge', { outside: true });
  await write(page, '2021-12-12T16:00', 'Meeting of management and sales');
  await page.goto('/incidents/1/timeline?show=outside');
  assert.equal(await page.locator('tbody td.ev').count(), 1);
  await page.goto('/incidents/1/timeline?q=meeting');
  assert.equal(await page.locator('tbody td.ev').count(), 1);
  await page.locator('tr', { hasText: 'Meeting' }).getByRole('link').click();
  await page.check('.editing input[name="hidden"]');
  await page.click('.editing button');
  await page.goto('/incidents/1/timeline');
  assert.equal(await page.locator('tr', { hasText: 'Meeting' }).count(), 0);
  await page.goto('/incidents/1/timeline?hidden=1');
  assert.equal(await page.locator('tr', { hasText: 'Meeting' }).count(), 1);

  const reader = await board.page(t, { role: 'reader', lang: 'en' });
  await reader.goto('/incidents/1/timeline?hidden=1');
  assert.equal(await reader.locator('tr', { hasText: 'Meeting' }).count(), 0);
  assert.equal(await reader.locator('main form[method="post"]').count(), 0);
});

onBoard('new entries of others are told without moving the page', async (t, board) => {
  board.openIncident();
  const one = await board.page(t, { role: 'reader', lang: 'en' });
  const two = await board.page(t, { role: 'responder', lang: 'en' });
  await one.goto('/incidents/1/timeline');
  await one.waitForFunction(() => document.querySelector('.live')?.textContent === 'Live');
  await write(two, '2021-12-12T16:00', 'Meeting of management and sales');
  await one.waitForSelector('#news a');
  assert.match(await one.locator('#news').innerText(), /1 new entry/);
  assert.equal(await one.locator('tr', { hasText: 'Meeting' }).count(), 0);
  await one.click('#news a');
  await one.waitForSelector('tr:has-text("Meeting")');
});

onBoard('without JavaScript, and a time that is none', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'ja', script: false });
  await write(page, '2021-12-12T16:00', '経営、事業部、広報で会議');
  await page.locator('tr', { hasText: '経営' }).getByRole('link').click();
  await page.waitForURL(/\/edit$/);
  await page.fill('#e-x', '経営、事業部、広報、営業で会議');
  await page.click('.editing button');
  await page.waitForURL(/#t\d+$/);
  assert.equal(await page.locator('tr', { hasText: '営業で会議' }).count(), 1);
  const csrf = await page.locator('form.write input[name="csrf"]').inputValue();
  const refused = await page.request.post('/incidents/1/timeline', {
    form: { csrf, at: 'yesterday', text: '何か' }, headers: { Origin: board.url },
  });
  assert.equal(refused.status(), 422);
  assert.match(await refused.text(), /2021-12-15T18:20/);
});

onBoard('in every look, and on paper', async (t, board) => {
  board.openIncident('Log4Shell');
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  const story = [
    ['2021-12-10T17:40', '入口(WAF)で攻撃の遮断を開始。お客様に案内', { outside: true }],
    ['2021-12-10T20:30', 'CTO から全社員へ第 1 報', {}],
    ['2021-12-11T01:30', '主要なシステムの調査を終了。ほとんどは影響がなさそう。ベンダーの発表はまだ僅か', { main: false }],
    ['2021-12-12T16:00', '経営、事業部、広報、営業、セキュリティで会議。お知らせの文面と、取引先との停止・遮断の条件に合意', {}],
    ['2021-12-13T10:00', '第 3 報を全社員 838 名と取引先 46 社に送信。CISO 名義', { outside: true }],
    ['2021-12-14T21:10', '仕入先EDI を停止', {}],
    ['2021-12-15T09:00', '夜間の警報なし。当番交代、森田から佐伯へ', { main: false }],
  ];
  for (const [at, text, how] of story) await write(page, at, text, how);
  await inEveryLook(t, board, { role: 'responder' }, async (view, look) => {
    await view.goto('/incidents/1/timeline');
    await examine(view);
    await shoot(view, `timeline-${look}`);
    await view.locator('tr', { hasText: '取引先との' }).getByRole('link').click();
    await view.waitForSelector('.editing');
    await examine(view);
    await shoot(view, `timeline-edit-${look}`);
  });
  await page.goto('/incidents/1/timeline?print=1');
  const texts = await page.locator('tbody td.ev').allInnerTexts();
  assert.equal(texts.length, 6); // five main events, and that it was opened
  assert.match(texts[0], /遮断を開始/); // oldest first
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('.top').isVisible(), false);
  assert.equal(await page.locator('.only-print').isVisible(), true);
  await shoot(page, 'timeline-print');
});
