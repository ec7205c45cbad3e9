// board.js on a page made for it, under the board's own policy: what it adds, and that nothing is sent before it should.
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { after, before, beforeEach, test } from "node:test";
import { chromium } from "playwright-core";

const script = readFileSync(new URL("../../src/board/web/assets/board.js", import.meta.url));
const html = `<!doctype html><html lang="en"><title>t</title><script src="/board.js" defer></script>
<input type="search" id="outer"><main>
<input type="search" id="inner">
<span class="live" data-on-text="Live" data-off-text="Broken">As of now</span>
<form id="rows" class="panel">
  <input type="checkbox" id="all" data-all="row">
  <input type="checkbox" name="row" value="1"><input type="checkbox" name="row" value="2">
  <input type="checkbox" name="row" value="3" disabled><input type="checkbox" name="row" value="4">
  <b data-count="row"></b><button type="reset" id="reset">x</button>
</form>
<form class="panel"><input type="checkbox" name="row" id="other"></form>
<form data-auto action="/sent"><select name="s"><option>a</option><option>b</option></select></form>
<form action="/sent"><select name="q" id="quiet"><option>a</option><option>b</option></select></form>
<details class="menu"><summary id="menu">m</summary><div><button type="button" id="inmenu">b</button></div></details>
</main></html>`;

let server, browser, page, url;

before(async () => {
  server = createServer((request, response) => {
    response.setHeader("Content-Security-Policy", "default-src 'self'");
    const isScript = request.url === "/board.js";
    response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
    response.end(isScript ? script : html);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  url = `http://127.0.0.1:${server.address().port}/`;
  browser = await chromium.launch({
    executablePath: process.env.HIKESHI_CHROMIUM ?? ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync),
    args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
});

after(async () => {
  await browser?.close();
  server.close();
});

beforeEach(async () => {
  await page?.close();
  page = await browser.newPage();
  page.on("pageerror", (error) => assert.fail(error));
  await page.goto(url);
});

const ticked = () => page.$$eval("[name=row]", (boxes) => boxes.map((box) => Number(box.checked)).join(""));
const row = (n) => page.locator(`[name=row][value="${n}"]`);
const all = () => page.$eval("#all", (box) => (box.indeterminate ? "some" : box.checked ? "all" : "none"));

test("one box ticks every row of its own form that can be ticked", async () => {
  await page.click("#all");
  assert.equal(await ticked(), "11010");
  assert.equal(await page.textContent("[data-count]"), "3");
  await row(2).click();
  assert.equal(await all(), "some");
  assert.equal(await page.textContent("[data-count]"), "2");
  await row(2).click();
  assert.equal(await all(), "all");
  await page.click("#all");
  assert.equal(await ticked(), "00000");
  assert.equal(await all(), "none");
});

test("shift ticks a range, and a reset form starts again", async () => {
  await row(1).click();
  await row(4).click({ modifiers: ["Shift"] });
  assert.equal(await ticked(), "11010");
  await page.click("#reset");
  await page.waitForFunction(() => document.querySelector("[data-count]").textContent === "0");
  assert.equal(await all(), "none");
});

test("slash goes to the page's own search, and is a letter where one types", async () => {
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "inner");
  await page.focus("#outer");
  await page.keyboard.press("/");
  assert.equal(await page.inputValue("#outer"), "/");
});

test("a menu closes with Escape and when the focus goes elsewhere", async () => {
  const open = () => page.$eval("details", (menu) => menu.open);
  await page.click("#menu");
  await page.focus("#inmenu");
  assert.equal(await open(), true);
  await page.keyboard.press("Escape");
  assert.equal(await open(), false);
  assert.equal(await page.evaluate(() => document.activeElement.id), "menu");
  await page.click("#menu");
  await page.focus("#inner");
  assert.equal(await open(), false);
});

test("only a form that says so sends itself", async () => {
  await page.selectOption("#quiet", "b");
  assert.equal(page.url(), url);
  await Promise.all([page.waitForURL("**/sent?s=b"), page.selectOption("[name=s]", "b")]);
});

test("the indicator says live, and says broken", async () => {
  const live = () => page.$eval(".live", (el) => [el.textContent, el.hasAttribute("data-on"), el.hasAttribute("data-off")]);
  assert.deepEqual(await live(), ["As of now", false, false]);
  await page.evaluate(() => document.body.dispatchEvent(new CustomEvent("htmx:sseOpen", { bubbles: true })));
  assert.deepEqual(await live(), ["Live", true, false]);
  await page.evaluate(() => document.body.dispatchEvent(new CustomEvent("htmx:sseError", { bubbles: true })));
  assert.deepEqual(await live(), ["Broken", false, true]);
});
