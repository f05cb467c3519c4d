import type { StoredEvent } from '../../contracts/index.ts';
import type { FieldPolicy } from '../field-policy.ts';
import { factsOf } from './facts.ts';

export type ExportFormat = 'ndjson' | 'csv';

/** Columns of a CSV export, in this order, for ever; new ones are added at the end. */
export const CSV_COLUMNS = [
  ...['id', 'time', 'instrument', 'type', 'severity', 'src_ip', 'src_port', 'dest_ip', 'dest_port', 'proto'],
  ...['app_proto', 'signature_id', 'signature', 'name', 'flow_id', 'community_id', 'record'],
] as const;

/** First line of an export; empty for NDJSON. */
export function exportHead(format: ExportFormat): string {
  return format === 'csv' ? `${CSV_COLUMNS.join(',')}\r\n` : '';
}

/** One event as it leaves the sensor: the export policy applied, one line. */
export function exportRow(event: StoredEvent, format: ExportFormat, policy: FieldPolicy): string {
  policy.apply(event.type, event.record);
  if (format === 'ndjson') return `${JSON.stringify(event)}\n`;
  const { record } = event;
  const alert = asObject(record['alert']);
  const facts = factsOf(event);
  const cells: unknown[] = [
    ...[event.id, event.time, event.instrument, event.type, facts.severity],
    ...[record['src_ip'], record['src_port'], record['dest_ip'], record['dest_port'], record['proto']],
    ...[record['app_proto'], alert['signature_id'], alert['signature'], [...facts.names][0]],
    ...[record['flow_id'], record['community_id'], JSON.stringify(record)],
  ];
  return `${cells.map(csvCell).join(',')}\r\n`;
}

/**
 * A cell of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe before it, and control characters go: cells
 * hold what strangers on the network wrote.
 */
export function csvCell(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'string') return '';
  const clean = value.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ');
  const safe = /^\s*[=+\-@|%＝＋－＠]/.test(clean) ? `'${clean}` : clean;
  return `"${safe.replaceAll('"', '""')}"`;
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
