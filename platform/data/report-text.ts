import type { DataReport, ReportedCopy } from './report.ts';
import { keyFingerprint, type SignedReport } from '../kernel/index.ts';
import type { CopyKind, Extent } from './types.ts';

const HEADINGS: Readonly<Record<CopyKind, string>> = {
  stream: 'Streams of the bus: events as they were published',
  'event-store': 'Event store: what is searched',
  volume: 'Volumes of instruments',
  'instrument-store': 'What instruments keep in their volumes, as they declare it',
  delivery: 'Files that were delivered to instruments, or imported for them',
  'set-aside': 'Set aside: damaged or refused data that was kept',
  export: 'Exports: data that left the sensor',
  backup: 'Backups',
  log: 'Logs',
  'support-bundle': 'Support bundles',
  journal: 'Records of what was done with data',
};

/** The report for people: can be handed to a data protection officer as it is. */
export function reportText({ report, publicKey, signature }: SignedReport<DataReport>): string {
  const { configuration } = report;
  const revision = configuration.revision;
  const lines = [
    `Data report of the sensor ${report.sensor}`,
    `made ${report.time} by the sensor's own clock`,
    `configuration ${revision === undefined ? '' : `revision ${String(revision.number)} (${revision.author}, ${revision.time}), `}digest ${configuration.digest.slice(0, 16)}, in force since ${configuration.loadedAt}`,
    `versions: ${Object.entries(report.versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}`,
    '',
    'This is every copy of data that the sensor knows of. An age is "measured" when the platform looked for itself, and',
    '"declared" when only the instrument that keeps the data says so. Every copy can be read by root of the sensor.',
    `Held back from deletion: ${count(report.holds, 'address or name', 'addresses or names')}. Deletions not finished: ${String(report.unfinishedPurges)}.`,
    '',
    ...(report.attention.length === 0
      ? ['Nothing is overdue, and nothing contradicts what was declared.']
      : ['NEEDS ATTENTION', ...report.attention.map((line) => `  ! ${line}`)]),
  ];
  for (const [kind, heading] of Object.entries(HEADINGS)) {
    const copies = report.copies.filter((copy) => copy.kind === kind);
    if (copies.length === 0) continue;
    lines.push('', heading.toUpperCase(), ...copies.flatMap(copyText));
  }
  if (report.unanswered.length > 0) {
    lines.push('', 'NOT KNOWN', ...report.unanswered.map(({ source, error }) => `  ${source}: ${error}`));
  }
  lines.push(
    '',
    `The signed form of this report (--json) carries the signature ${signature.slice(0, 16)}… (Ed25519) of the key`,
    `  ${keyFingerprint(publicKey)}`,
    'Compare it with `bulkhead data key` on the sensor; check the file with `bulkhead data verify FILE`.',
  );
  return lines.join('\n');
}

function copyText(copy: ReportedCopy): string[] {
  const limit = copy.limitBytes === undefined ? '' : ` of ${size(copy.limitBytes)}`;
  const bytes = copy.measured?.bytes ?? copy.declared?.bytes;
  return [
    `  ${copy.copy}`,
    `    what:    ${copy.what}`,
    `    where:   ${copy.where}`,
    ...(bytes === undefined && limit === ''
      ? []
      : [`    size:    ${bytes === undefined ? 'at most' : size(bytes)}${limit}`]),
    ...extentText('measured', copy.measured),
    ...extentText('declared', copy.declared),
    `    oldest:  ${copy.age === undefined ? 'nothing is known' : `${copy.age.oldest}, ${String(copy.age.days)} days ago, ${copy.age.basis}`}`,
    `    policy:  ${copy.policy.text}`,
    `    readers: ${copy.readers.join('; ')}`,
    `    goes to: ${copy.goesTo.length === 0 ? 'nowhere' : copy.goesTo.join('; ')}`,
    ...copy.findings.map(({ code, text }) => `    ! ${code}: ${text}`),
  ];
}

function extentText(basis: string, extent: Extent | undefined): string[] {
  if (extent === undefined) return [];
  const parts = [
    ...(extent.records === undefined ? [] : [count(extent.records, 'record', 'records')]),
    ...(extent.bytes === undefined ? [] : [size(extent.bytes)]),
    ...(extent.oldest === undefined ? [] : [`from ${extent.oldest}`]),
    ...(extent.newest === undefined ? [] : [`to ${extent.newest}`]),
  ];
  return parts.length === 0 ? [] : [`    ${basis}: ${parts.join(', ')}`];
}

/** Bytes for people. */
export function size(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'] as const;
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? String(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

function count(number: number, one: string, many: string): string {
  return `${String(number)} ${number === 1 ? one : many}`;
}
