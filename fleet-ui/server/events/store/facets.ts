import type { EventFacets, FleetEvent } from '@bulkhead/fleet-api';
import { countsWhere } from './counts.ts';
import { IDS_PER_MS, type Db } from './database.ts';
import { factsOf } from './facts.ts';
import type { SearchPlan } from './filter.ts';
import { candidates } from './search.ts';

/** Kinds that cannot be had from kept counts are counted in so many of the newest matching events. */
const SAMPLE = 1_000;
const HOUR_MS = 3_600_000;
const KINDS = {
  types: 'type',
  sensors: 'sensor',
  instruments: 'instrument',
  severities: 'severity',
} as const;

/** Which values are frequent among the matching records. */
export function facets(
  db: Db,
  plan: SearchPlan,
  { limit, budgetMs }: { limit: number; budgetMs: number },
): EventFacets {
  const sample = new Sample();
  sample.take(db, plan, performance.now() + budgetMs);
  const addresses = top(sample.addresses, limit);
  if (!plan.countable) {
    return {
      types: top(sample.kinds.type, limit),
      sensors: top(sample.kinds.sensor, limit),
      instruments: top(sample.kinds.instrument, limit),
      severities: top(sample.kinds.severity, limit),
      signatures: labelled(db, top(sample.signatures, limit)),
      addresses,
      sampled: sample.whole
        ? []
        : ['types', 'sensors', 'instruments', 'severities', 'signatures', 'addresses'],
      sampledEvents: sample.events,
    };
  }
  const counted = fromCounts(db, plan, limit);
  return {
    ...counted,
    signatures: labelled(db, fromSignatures(db, plan, limit)),
    addresses,
    sampled: sample.whole ? [] : ['addresses'],
    sampledEvents: sample.events,
  };
}

type Kind = (typeof KINDS)[keyof typeof KINDS];
type Facet = EventFacets['types'];

/** To the hour: what kept counts are by. */
function hoursOf(plan: SearchPlan): { from: number; to: number } {
  return {
    from: Math.floor(plan.fromId / IDS_PER_MS / HOUR_MS),
    to: Math.ceil(plan.toId / IDS_PER_MS / HOUR_MS),
  };
}

function fromCounts(db: Db, plan: SearchPlan, limit: number): Pick<EventFacets, keyof typeof KINDS> {
  const { where, values } = countsWhere(plan.filter);
  const rows = db
    .prepare(
      'SELECT sensor, instrument, type, severity, sum(n) AS n FROM counts ' +
        `WHERE minute = -1 AND hour >= @from AND hour < @to ${where} GROUP BY 1, 2, 3, 4`,
    )
    .all({ ...hoursOf(plan), ...values }) as (Record<Kind, string> & { n: number })[];
  const by = (kind: Kind): Facet => {
    const sums = new Map<string, number>();
    for (const row of rows) sums.set(row[kind], (sums.get(row[kind]) ?? 0) + row.n);
    return top(sums, limit);
  };
  return {
    types: by('type'),
    sensors: by('sensor'),
    instruments: by('instrument'),
    severities: by('severity'),
  };
}

function fromSignatures(db: Db, plan: SearchPlan, limit: number): Facet {
  const { where, values } = countsWhere(plan.filter);
  return db
    .prepare(
      'SELECT signature AS value, sum(n) AS count FROM signature_counts ' +
        `WHERE hour >= @from AND hour < @to ${where} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT @limit`,
    )
    .all({ ...hoursOf(plan), ...values, limit }) as Facet;
}

function labelled(db: Db, facet: Facet): Facet {
  const text = db.prepare('SELECT text FROM signatures WHERE id = ?').pluck();
  return facet.map((entry) => {
    const label = text.get(entry.value) as string | undefined;
    return label === undefined ? entry : { ...entry, label };
  });
}

/** The newest matching events, looked at one by one. */
class Sample {
  readonly kinds: Record<Kind, Map<string, number>> = {
    type: new Map(),
    sensor: new Map(),
    instrument: new Map(),
    severity: new Map(),
  };
  readonly signatures = new Map<string, number>();
  readonly addresses = new Map<string, number>();
  events = 0;
  /** Everything that matches was looked at. */
  whole = true;

  take(db: Db, plan: SearchPlan, deadline: number): void {
    for (const [id, event] of candidates(db, plan, plan.toId, deadline)) {
      if (id === undefined || this.events >= SAMPLE || performance.now() > deadline) {
        this.whole = false;
        return;
      }
      if (event !== undefined && plan.accepts(event)) this.#count(event);
    }
  }

  #count(event: FleetEvent): void {
    this.events += 1;
    for (const kind of Object.values(KINDS)) add(this.kinds[kind], event[kind]);
    const { signatureId } = factsOf(event.record);
    if (signatureId !== '') add(this.signatures, signatureId);
    // As they stand in the record, for people; only the two ends of what was seen.
    const ends = [event.record['src_ip'], event.record['dest_ip']];
    for (const end of new Set(ends))
      if (typeof end === 'string' && end.length <= 45) add(this.addresses, end);
  }
}

function add(counts: Map<string, number>, value: string): void {
  counts.set(value, (counts.get(value) ?? 0) + 1);
}

function top(counts: ReadonlyMap<string, number>, limit: number): Facet {
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || (a.value < b.value ? -1 : 1))
    .slice(0, limit);
}
