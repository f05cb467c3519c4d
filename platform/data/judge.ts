import type { DataCopy, Extent } from './types.ts';

const DAY_MS = 86_400_000;
/** A retention run comes once a day at most places; nothing is called overdue within this much beyond its policy. */
const GRACE_MS = DAY_MS;
/** Clocks and rounding: what differs by less agrees. */
const AGREES_MS = 3_600_000;
/** A time that far ahead is a wrong clock, then or now. */
const FUTURE_MS = DAY_MS;

/** What the report says about the age of one copy. */
export interface Judgement {
  /** Age of the oldest record, and who says so. Absent when nobody does, or when the copy is empty. */
  age?: { oldest: string; days: number; basis: 'measured' | 'declared' };
  findings: Finding[];
}

export interface Finding {
  code: 'overdue' | 'disagrees' | 'future' | 'fault';
  text: string;
}

/**
 * Compares what was measured, what was declared and the policy. Pure.
 * @param now by the sensor's clock; nothing is done on its word but to say so.
 */
export function judge(
  copy: Pick<DataCopy, 'measured' | 'declared' | 'policy' | 'faults'>,
  now: Date,
): Judgement {
  const { measured, declared, policy } = copy;
  const findings: Finding[] = (copy.faults ?? []).map((text) => ({ code: 'fault', text }));
  findings.push(...disagreements(measured, declared));
  const oldest = olderOf(measured?.oldest, declared?.oldest);
  for (const time of [measured?.oldest, measured?.newest, declared?.oldest, declared?.newest]) {
    if (time === undefined || Date.parse(time) <= now.getTime() + FUTURE_MS) continue;
    findings.push({
      code: 'future',
      text: `has records of ${time}, which is yet to come: a clock is or was wrong`,
    });
    break;
  }
  if (oldest === undefined) return { findings };
  const ageMs = now.getTime() - Date.parse(oldest.time);
  const days = Math.max(0, Math.floor((ageMs / DAY_MS) * 10) / 10);
  if (policy.days !== undefined && ageMs > policy.days * DAY_MS + GRACE_MS) {
    findings.push({
      code: 'overdue',
      text: `has records of ${oldest.time} (${oldest.basis}), ${String(days)} days old; its policy is ${String(policy.days)} days`,
    });
  }
  return { age: { oldest: oldest.time, days, basis: oldest.basis }, findings };
}

/** An instrument that says less, or younger, than what the platform sees is not believed. */
function disagreements(measured: Extent | undefined, declared: Extent | undefined): Finding[] {
  if (measured === undefined || declared === undefined) return [];
  const findings: Finding[] = [];
  if (measured.oldest !== undefined && declared.records !== 0) {
    const seen = Date.parse(measured.oldest);
    const said = declared.oldest === undefined ? Infinity : Date.parse(declared.oldest);
    if (said > seen + AGREES_MS) {
      findings.push({
        code: 'disagrees',
        text: `declares ${declared.oldest ?? 'no age'} as its oldest, but data of ${measured.oldest} was measured`,
      });
    }
  }
  // A database that was emptied keeps its file; an instrument that declares its size is not taken at its word of having none.
  if (measured.oldest !== undefined && declared.records === 0 && (declared.bytes ?? 0) === 0) {
    findings.push({
      code: 'disagrees',
      text: `declares that it is empty, but data of ${measured.oldest} was measured`,
    });
  }
  if (measured.bytes !== undefined && (declared.bytes ?? 0) > measured.bytes) {
    findings.push({
      code: 'disagrees',
      text: `declares ${String(declared.bytes)} bytes, but takes only ${String(measured.bytes)}`,
    });
  }
  return findings;
}

function olderOf(
  measured: string | undefined,
  declared: string | undefined,
): { time: string; basis: 'measured' | 'declared' } | undefined {
  if (measured === undefined)
    return declared === undefined ? undefined : { time: declared, basis: 'declared' };
  // What was measured stands, unless the instrument itself admits to something older.
  return declared !== undefined && Date.parse(declared) < Date.parse(measured)
    ? { time: declared, basis: 'declared' }
    : { time: measured, basis: 'measured' };
}
