// The first page: an incident is opened in one step and closed with a reason.
import assert from 'node:assert/strict';
import { examine, inEveryLook, onBoard, onEachDatabase, shoot } from './harness.mjs';

onEachDatabase('an incident is opened in one step, and / leads to it', async (t, board) => {
  const page = await board.page(t, { role: 'responder', lang: 'ja' });
  await page.goto('/');
  await page.waitForSelector('h1');
  const title = await page.inputValue('input[name="title"]');
  assert.match(title, /Log4Shell/); // the profile's own, in the reader's language
  assert.match(title, /脆弱性/);
  await examine(page);
  await page.click('main button.pri');
  await page.waitForURL(/\/incidents\/1$/);
  await page.goto('/');
  await page.waitForURL(/\/incidents\/1$/);

  // a second one: / is the list again
  await page.goto('/incidents');
  await page.fill('input[name="title"]', '二つ目の事案');
  await page.click('main button.pri');
  await page.waitForURL(/\/incidents\/2$/);
  await page.goto('/');
  assert.equal(new URL(page.url()).pathname, '/');
  assert.deepEqual(await page.locator('table.incidents tbody th a').allInnerTexts(), ['二つ目の事案', title]);

  await page.click('tr:has-text("二つ目") >> text=終了する');
  await page.fill('textarea[name="reason"]', '訓練のため');
  await page.click('main button.pri');
  await page.waitForURL(/\/incidents$/);
  assert.match(await page.locator('.note').innerText(), /終了しました/);
  const record = board.cli(['incident', 'list']);
  assert.match(record, /^2\tclosed/m);
});

onBoard('a title or a reason that is missing is said, and nothing is written', async (t, board) => {
  board.openIncident();
  const page = await board.page(t, { role: 'responder', lang: 'en' });
  await page.goto('/incidents/1/close');
  await page.evaluate(() => { document.querySelector('textarea').required = false; });
  await page.click('main button.pri');
  assert.match(await page.locator('.err').innerText(), /why it can be closed/);
  assert.match(board.cli(['incident', 'list']), /^1\topen/m);
});

onBoard('a reader sees no forms', async (t, board) => {
  board.openIncident();
  board.openIncident('Second');
  for (const role of ['reader', 'owner']) {
    const page = await board.page(t, { role, lang: 'en' });
    await page.goto('/');
    assert.equal(await page.locator('main form, main .btn').count(), 0);
    assert.equal((await page.request.get('/incidents/1/close')).status(), 403);
    await page.context().close();
  }
});

onBoard('without JavaScript', async (t, board) => {
  const page = await board.page(t, { role: 'administrator', lang: 'ja', script: false });
  await page.goto('/');
  await page.click('main button.pri');
  await page.waitForURL(/\/incidents\/1$/);
});

onBoard('in every look', async (t, board) => {
  await inEveryLook(t, board, { role: 'responder' }, async (page, look) => {
    await page.goto('/');
    await examine(page);
    await shoot(page, `incidents-empty-${look}`);
  });
  board.openIncident('Log4Shell(Log4j の脆弱性)');
  board.openIncident('2021-12 の訓練');
  await inEveryLook(t, board, { role: 'responder' }, async (page, look) => {
    await page.goto('/');
    await examine(page);
    await shoot(page, `incidents-${look}`);
    await page.goto('/incidents/1/close');
    await examine(page);
    await shoot(page, `incident-close-${look}`);
  });
});
