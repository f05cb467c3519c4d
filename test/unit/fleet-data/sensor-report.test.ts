import { createHash, randomBytes } from 'node:crypto';
import { deflateRawSync } from 'node:zlib';
import Database from 'better-sqlite3';
import { expect, test } from 'vitest';
import { reportSigner } from '@bulkhead/platform/kernel';
import { DATA_MIGRATIONS, REPORT_BYTES_MOST, ReportBook } from '../../../fleet-ui/server/data/report-book.ts';
import { readSensorReport } from '../../../fleet-ui/server/data/sensor-report.ts';
import { sqliteBinding } from '../../support/event-store.ts';

const A = 's_aaaaaaaaaaaaaaaa';
const REPORT = { kind: 'bulkhead-data-report', copies: [], unanswered: [], attention: [] };

test('a signed report that grows beyond the bound when it is written out is not kept', () => {
  const signer = reportSigner(randomBytes(32));
  const signed = (numbers: number) =>
    signer.sign({ ...REPORT, more: Array.from({ length: numbers }, () => 1e20) });
  expect(readSensorReport(signed(10))).toMatchObject({ key: signer.publicKey });
  // As it is sent: five characters each.
  expect(200_000 * 5).toBeLessThan(REPORT_BYTES_MOST);
  expect(readSensorReport(signed(200_000))).toBe('its data report is too large to be kept');
});

test('a kept report that cannot be read is none, and the next one takes its place', () => {
  const db = new Database(':memory:', { nativeBinding: sqliteBinding() });
  try {
    for (const { sql } of DATA_MIGRATIONS) db.exec(sql);
    const book = new ReportBook(db);
    const text = ' '.repeat(REPORT_BYTES_MOST + 1);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const put = db.prepare("INSERT OR REPLACE INTO data_reports VALUES (?, 1, ?, ?, 'k', NULL)");
    for (const bytes of [deflateRawSync(text), Buffer.from('not deflated')]) {
      put.run(A, bytes, sha256);
      expect(book.text(A)).toBeUndefined();
    }
    book.keep(A, '{}', 'k', 2);
    expect(book.text(A)).toBe('{}');
  } finally {
    db.close();
  }
});
