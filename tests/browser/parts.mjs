// Steps that several tests take: a ledger imported, a scan handed in.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './harness.mjs';

// What a scan of a host says, as `hikeshi scan --format jsonl` writes it.
export function scanOf(board, host, findings, gaps = []) {
  const path = join(board.dir, `${host}.jsonl`);
  const lines = findings.map((f) => JSON.stringify({
    path: f.path, component: 'log4j-core', version: f.version, version_from: 'pom.properties',
    cves: { 'CVE-2021-44228': f.state, 'CVE-2021-45046': f.state }, evidence: ['pom.properties'],
  }));
  lines.push(JSON.stringify({
    summary: {
      tool: 'hikeshi 0.1.0', profile: 'log4shell', profile_revision: 1, host, paths: ['/'],
      started: '2021-12-15T04:00:00.000Z', ended: '2021-12-15T04:02:00.000Z',
      files: 41208, archives: 312, bytes: 9000000, findings: findings.length,
      incomplete_count: gaps.length, incomplete: gaps, skipped: [],
    },
  }));
  writeFileSync(path, `${lines.join('\n')}\n`);
  return path;
}

export async function importLedger(board, page, ...options) {
  const path = join(board.dir, 'ledger.xlsx');
  const made = spawnSync('python3', ['-B', join(root, 'tests/fixtures/make_ledger.py'), ...options, path], { encoding: 'utf8' });
  assert.equal(made.status, 0, made.stderr);
  await page.goto('/incidents/1/import');
  await page.setInputFiles('input[type="file"]', path);
  await page.click('form[enctype] button');
  await page.waitForURL(/\/import\/\d+$/);
  await page.click('form button.pri');
  await page.waitForURL(/\/changes$/);
  await page.click('form button.pri');
  await page.waitForSelector('.note.good', { timeout: 60000 });
}

export async function handInScan(board, page, path) {
  await page.goto('/incidents/1/hosts');
  await page.setInputFiles('#s-file', path);
  await page.click('#hand-in button');
  await page.waitForURL(/\/scans\/\d+$/);
}
