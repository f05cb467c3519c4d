import type { NotificationTopic } from '@bulkhead/fleet-api';
import { bySeverity, worstFirst, type AlertKind } from './alert-kinds.ts';
import { compareSeverity, type Matter } from './matters.ts';
import type { Batch } from './outbox.ts';
import { plain } from './plain.ts';

/** Where a message comes from, for who reads it. */
export interface NoticeFrom {
  /** Name of the fleet: `fleet.example.org`. */
  fleet: string;
  /** Address of its pages, without a slash at the end. */
  url: string;
  nameOf: (sensor: string) => string | undefined;
}

interface ToldMatter {
  key: string;
  topic: NotificationTopic;
  severity: Matter['severity'];
  /** Of what became worse: as which it was told before. */
  was?: Matter['severity'];
  title: string;
  text: string;
  sensor?: { id: string; name: string };
  since: string;
  link?: string;
}

interface ToldAlerts extends Omit<AlertKind, 'key' | 'sensor'> {
  sensor: { id: string; name: string };
  link: string;
}

/** One message, before a channel writes it in its way. This is also the body of a webhook. */
export interface Notice {
  /** Of this shape. */
  version: 1;
  kind: 'notification' | 'test';
  id: string;
  at: string;
  fleet: string;
  subject: string;
  counts: { began: number; worse: number; over: number; alerts: number; leftOut: number };
  /** The worst and newest of them; `counts` has all. */
  began: ToldMatter[];
  /** Began earlier. */
  worse: ToldMatter[];
  over: ToldMatter[];
  alerts: ToldAlerts[];
}

const EXAMPLES = Object.freeze({ matters: 20, alerts: 15 });
const SUBJECT_MOST = 150;

/** @param id of the message @param nowMs ms since 1970 */
export function noticeOf(batch: Batch, from: NoticeFrom, id: string, nowMs: number): Notice {
  const matters = [...batch.began].sort((a, b) => compareSeverity(b, a));
  const began = matters.filter(({ was }) => was === undefined);
  const worse = matters.filter(({ was }) => was !== undefined);
  const alerts = inTurns([...batch.alerts].sort(worstFirst));
  const counts = {
    ...{ began: began.length, worse: worse.length },
    over: batch.over.length,
    alerts: alerts.reduce((sum, { count }) => sum + count, 0),
    leftOut: batch.leftOut,
  };
  const first = matters[0]?.title ?? alerts[0]?.signature ?? batch.over[0]?.title ?? '';
  return {
    ...{ version: 1, kind: 'notification', id, at: new Date(nowMs).toISOString(), fleet: from.fleet },
    subject: plain(`[Bulkhead ${from.fleet}] ${countWords(counts)}: ${first}`, SUBJECT_MOST),
    counts,
    began: began.slice(0, EXAMPLES.matters).map((matter) => told(matter, from)),
    worse: worse.slice(0, EXAMPLES.matters).map((matter) => told(matter, from)),
    over: batch.over.slice(0, EXAMPLES.matters).map((matter) => told(matter, from)),
    alerts: alerts.slice(0, EXAMPLES.alerts).map((kind) => toldAlerts(kind, from)),
  };
}

/** What a test button sends: clearly no matter of the fleet's. */
export function testNotice(from: NoticeFrom, by: string, id: string, nowMs: number): Notice {
  return {
    ...{ version: 1, kind: 'test', id, at: new Date(nowMs).toISOString(), fleet: from.fleet },
    subject: plain(`[Bulkhead ${from.fleet}] Test of a notification, by ${by}`, SUBJECT_MOST),
    counts: { began: 0, worse: 0, over: 0, alerts: 0, leftOut: 0 },
    ...{ began: [], worse: [], over: [], alerts: [] },
  };
}

/** Sensors take turns among what is equally severe, so that a flood at one does not take all the places. */
function inTurns(alerts: readonly AlertKind[]): AlertKind[] {
  const turns = new Map<string, number>();
  const placed = alerts.map((kind) => {
    const key = `${kind.severity} ${kind.sensor}`;
    const turn = (turns.get(key) ?? 0) + 1;
    turns.set(key, turn);
    return { kind, turn };
  });
  return placed
    .sort((a, b) => bySeverity(a.kind, b.kind) || a.turn - b.turn || worstFirst(a.kind, b.kind))
    .map(({ kind }) => kind);
}

export function countWords({ began, worse, over, alerts, leftOut }: Notice['counts']): string {
  const words = [
    began > 0 ? `${String(began)} new` : '',
    worse > 0 ? `${String(worse)} worse` : '',
    over > 0 ? `${String(over)} over` : '',
    alerts > 0 ? `${String(alerts)} ${alerts === 1 ? 'alert' : 'alerts'}` : '',
    leftOut > 0 ? `${String(leftOut)} more` : '',
  ];
  return words.filter((word) => word !== '').join(', ');
}

function told({ sensor, link, ...matter }: Matter, from: NoticeFrom): ToldMatter {
  return {
    ...matter,
    ...(sensor === undefined ? {} : { sensor: named(sensor, from) }),
    ...(link === undefined ? {} : { link: `${from.url}${link}` }),
  };
}

function toldAlerts({ key: _key, sensor, ...kind }: AlertKind, from: NoticeFrom): ToldAlerts {
  const query = new URLSearchParams({ signature: kind.signatureId || kind.signature, sensor });
  return { ...kind, sensor: named(sensor, from), link: `${from.url}/events?${query.toString()}` };
}

function named(sensor: string, { nameOf }: NoticeFrom): { id: string; name: string } {
  return { id: sensor, name: plain(nameOf(sensor) ?? sensor, 80) };
}
