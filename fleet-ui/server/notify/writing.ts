import type { SyslogLine } from './deliver/syslog.ts';
import { countWords, type Notice } from './notice.ts';

const TEST_WORDS =
  'This is a test. Somebody with the right to the settings of the fleet pressed the test button: notifications arrive here.';
const SYSLOG_EXAMPLES = 5;

/** A mail: text, nothing in it is HTML. */
export function mailText(notice: Notice): string {
  if (notice.kind === 'test') return `${TEST_WORDS}\n\n${notice.fleet}\n${notice.at}\n`;
  const { began, worse, over, alerts, counts } = notice;
  const parts = [`Bulkhead at ${notice.fleet}: ${countWords(counts)}.`];
  if (began.length > 0) parts.push(section('NEW', began.map(matterLines), counts.began - began.length));
  if (worse.length > 0) parts.push(section('WORSE', worse.map(matterLines), counts.worse - worse.length));
  if (alerts.length > 0) {
    const shown = alerts.reduce((sum, { count }) => sum + count, 0);
    parts.push(section('ALERTS', alerts.map(alertLines), counts.alerts - shown));
  }
  if (over.length > 0) {
    const lines = over.map(({ title, since }) => [`${title} (since ${since})`]);
    parts.push(section('OVER', lines, counts.over - over.length));
  }
  if (counts.leftOut > 0)
    parts.push(`${String(counts.leftOut)} more came for which there was no room; the fleet shows them.`);
  parts.push(`Sent ${notice.at}. Who is told what is decided in the fleet, under Settings, Notifications.`);
  return `${parts.join('\n\n')}\n`;
}

/** One line for a log, with counts as structured data and some examples. */
export function syslogOf(notice: Notice): SyslogLine {
  const { began, worse, over, alerts, counts } = notice;
  const examples = [
    ...began.map(({ severity, title }) => `new ${severity}: ${title}`),
    ...worse.map(({ severity, was = '', title }) => `${severity}, was ${was}: ${title}`),
    ...alerts.map(
      ({ severity, signature, count, sensor, example }) =>
        `${severity} alert ${String(count)}x: ${signature} on ${sensor.name} ${example.source} to ${example.destination}`,
    ),
    ...over.map(({ title }) => `over: ${title}`),
  ].slice(0, SYSLOG_EXAMPLES);
  const text = notice.kind === 'test' ? TEST_WORDS : `${countWords(counts)}: ${examples.join('; ')}`;
  return {
    severity: severityOf(notice),
    atMs: Date.parse(notice.at),
    kind: notice.kind,
    data: {
      fleet: notice.fleet,
      id: notice.id,
      began: String(counts.began),
      worse: String(counts.worse),
      over: String(counts.over),
      alerts: String(counts.alerts),
      leftOut: String(counts.leftOut),
    },
    text,
  };
}

function severityOf({ kind, began, worse, alerts, counts }: Notice): SyslogLine['severity'] {
  if (kind === 'test') return 6;
  if ([...began, ...worse].some(({ severity }) => severity === 'critical')) return 2;
  if (counts.began + counts.worse > 0 || alerts.some(({ severity }) => severity === 'high')) return 4;
  return counts.alerts > 0 ? 5 : 6;
}

function section(title: string, items: readonly string[][], more: number): string {
  const rest = more > 0 ? [`  … and ${String(more)} more`] : [];
  const lines = items.map(([first = '', ...others]) =>
    [`- ${first}`, ...others.map((line) => `  ${line}`)].join('\n'),
  );
  return [title, ...lines, ...rest].join('\n');
}

function matterLines({ severity, was, title, text, since, link }: Notice['began'][number]): string[] {
  return [
    `${severity}${was === undefined ? '' : `, was ${was}`}: ${title}`,
    text,
    `since ${since}`,
    ...(link === undefined ? [] : [link]),
  ];
}

function alertLines(kind: Notice['alerts'][number]): string[] {
  const { severity, signature, signatureId, count, sensor, instrument, first, last, example, link } = kind;
  const times = count === 1 ? `at ${last}` : `${String(count)} times from ${first} to ${last}`;
  const ends = [example.source, example.destination].filter((end) => end !== '').join(' to ');
  return [
    `${severity}: ${signature}${signatureId === '' ? '' : ` (${signatureId})`}`,
    `${sensor.name}, ${instrument}: ${times}${ends === '' ? '' : `; ${count === 1 ? '' : 'one of them '}${ends}`}`,
    link,
  ];
}
