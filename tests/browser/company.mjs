// A small company for browser tests: an incident, rows of a ledger, and what hosts handed in.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PEOPLE } from './harness.mjs';

const OWN = PEOPLE.owner.login;

// name, number, category, owner, owner's mail, department, vendor, product, version, hosts
const ROWS = [
  ['倉庫ラベル発行', 'INT-014', 'internal', '上原 千夏', OWN, '物流システム部', '青葉ソフト', 'ラベルスイート', '5.2.1', 'wms-app01\nwms-app02'],
  ['運賃計算', 'INT-020', 'internal', '上原 千夏', OWN, '物流システム部', 'ツバメ工房', 'fare-batch', '14', 'fare-b01'],
  ['取引先API', 'EXT-011', 'external', '大久保 亮', PEOPLE.responder.login, '基盤部', '自社', 'partner-api', '3.8.1', 'api-01'],
  ['勤怠クラウド', 'SAS-004', 'saas', '相沢 直', '', '人事部', 'オーラリー・クラウド', '勤怠', '', ''],
  ['図面ビューア', 'CLI-009', 'client', '奥田 翔', '', '設計部', '北斗データ', 'Mihari CAD Viewer', '11.3', ''],
  ['㈱髙橋倉庫 連携バッチ', 'INT-057', 'internal', '', '', '購買部', '自社', 'takahashi-sync ①', '', 'sync-01'],
];

// Sends a form of this board in the session of a page.
export async function send(page, path, form, multipart) {
  const csrf = await page.locator('input[name="csrf"]').first().inputValue();
  const how = multipart ? { multipart: { csrf, ...multipart } } : { form: { csrf, ...form } };
  const res = await page.request.post(path, { ...how, maxRedirects: 0 });
  assert.equal(res.status(), 303, `${path}: ${res.status()} ${(await res.text()).slice(0, 1500)}`);
  return res.headers().location;
}

export async function addRow(page, incident, fields) {
  const location = await send(page, `/incidents/${incident}/ledger/new`, fields);
  return Number(/assets\/(\d+)/.exec(location)[1]);
}

// Opens an incident and fills its ledger; ids by name. `more` rows beside those above make several pages.
export async function fill(board, page, { more = 0 } = {}) {
  const incident = board.openIncident();
  const ids = {};
  await page.goto(`/incidents/${incident}/ledger`);
  for (const [name, asset_number, category, owner, owner_mail, department, vendor, product, version, hosts] of ROWS) {
    ids[name] = await addRow(page, incident, {
      name, asset_number, category, owner, owner_mail, department, vendor, product, version, hosts,
      exposed: category === 'external' ? 'yes' : 'no',
    });
  }
  for (let i = 1; i <= more; i++) {
    await addRow(page, incident, { name: `支店端末 ${String(i).padStart(3, '0')}`, category: 'client', owner: '森田 健' });
  }
  return { incident, ids, ledger: `/incidents/${incident}/ledger`, of: (name) => `/incidents/${incident}/assets/${ids[name]}` };
}

const CVES = ['CVE-2021-44228', 'CVE-2021-45046', 'CVE-2021-45105', 'CVE-2021-44832'];

// Hands in the scan of a host: found versions by path, places that were not read.
export function scan(board, incident, host, found = {}, { gaps = {}, paths = ['/'], revision = 99 } = {}) {
  const lines = Object.entries(found).map(([path, version]) => ({
    path, component: 'log4j-core', version, version_from: 'pom.properties', version_range: null, prefix: null,
    cves: Object.fromEntries(CVES.map((id) => [id, version === '2.17.1' ? 'fixed' : 'affected'])),
    evidence: [`pom.properties says ${version}`, 'JndiLookup.class is there'],
  }));
  lines.push({ summary: {
    files: 41208, archives: 312, bytes: 9123456789, findings: lines.length, host,
    started: '2021-12-13T11:51:00Z', ended: '2021-12-13T11:58:00Z', tool: 'hikeshi 0.1.0', profile: 'log4shell',
    profile_revision: revision, paths, incomplete_count: Object.keys(gaps).length,
    incomplete: Object.entries(gaps).map(([path, reason]) => ({ path, reason })), skipped: [],
  } });
  const file = join(board.dir, `${host}.jsonl`);
  writeFileSync(file, lines.map((l) => JSON.stringify(l) + '\n').join(''));
  board.cli(['findings', 'import', file, '--host', host, '--incident', String(incident)]);
}

export const EAR = '/opt/labelsuite/deploy/labelsuite.ear!/print.war!/WEB-INF/lib/aoba-common-all.jar';

// A first day: scans came in, some rows are answered, two people disagree.
export async function firstDay(board, page, company) {
  const { incident, of } = company;
  scan(board, incident, 'wms-app01', { [EAR]: '2.14.1', '/opt/agent/lib/log4j-core-2.17.1.jar': '2.17.1' },
    { gaps: { '/opt/labelsuite/backup/2021-11.zip!/secret.jar': 'encrypted entry', '/srv/nfs': 'network file system' } });
  scan(board, incident, 'fare-b01', { '/srv/fare/lib/log4j-core-2.11.0.jar': '2.11.0' });
  scan(board, incident, 'sync-01');
  const say = (name, answer) => send(page, `${of(name)}/answer`, null, { cve: '', detail: '', text: '', link: '', ...answer });
  await say('取引先API', { question: 'log4j', option: 'yes', detail: '2.14.1', text: '本番の jar を開いて確かめた' });
  await say('取引先API', { question: 'vendor', cve: CVES[0], option: 'not_affected', link: 'https://aoba.example/as-2021-031' });
  await say('勤怠クラウド', { question: 'java', option: 'no', text: '事業者の回答' });
  await say('図面ビューア', { question: 'vendor', cve: CVES[0], option: 'investigating', text: 'サポート窓口に電話' });
}
