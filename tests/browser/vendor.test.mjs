// The files under src/board/web/assets/vendor are the bytes that npm brings for the versions in
// package-lock.json: nobody changed them, and a new version is committed together with its lock.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";

const from = {
  "htmx.min.js": "htmx.org/dist/htmx.min.js",
  "htmx.LICENSE": "htmx.org/LICENSE",
  "htmx-ext-sse.min.js": "htmx-ext-sse/dist/sse.min.js",
  "htmx-ext-sse.LICENSE": "htmx-ext-sse/LICENSE",
};
const vendor = new URL("../../src/board/web/assets/vendor/", import.meta.url);

test("every vendored file is listed here", async () => {
  assert.deepEqual((await readdir(vendor)).sort(), Object.keys(from).sort());
});

for (const [name, source] of Object.entries(from)) {
  test(`${name} is what npm brings`, async () => {
    const ours = await readFile(new URL(name, vendor));
    const theirs = await readFile(new URL(`node_modules/${source}`, import.meta.url));
    assert.ok(ours.equals(theirs), `copy tests/browser/node_modules/${source} to src/board/web/assets/vendor/${name}`);
  });
}

test("versions are exact", async () => {
  const { dependencies } = JSON.parse(await readFile(new URL("package.json", import.meta.url)));
  for (const [name, version] of Object.entries(dependencies)) assert.match(version, /^\d+\.\d+\.\d+$/, name);
});
