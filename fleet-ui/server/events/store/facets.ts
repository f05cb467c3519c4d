import type { EventFacets, FleetEvent } from '@bulkhead/fleet-api';
import { countsWhere, stretches } from './counts.ts';
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
function fromCounts(db: Db, plan: SearchPlan, limit: number): Pick<EventFacets, keyof typeof KINDS> {
  const sums: Record<Kind, Map<string, number>> = emptyKinds();
  for (const [level, from, to] of stretches(plan.fromId / IDS_PER_MS, plan.toId / IDS_PER_MS)) {
    for (const bySensor of [false, true]) {
      const { where, values } = countsWhere(plan.filter, bySensor);
      const kinds = bySensor ? 'sensor' : 'instrument, type, severity';
      const rows = db
        .prepare(
          `SELECT ${kinds}, sum(n) AS n FROM counts WHERE level = @level AND at >= @from AND at < @to ${where} ` +
            `GROUP BY ${kinds}`,
        )
        .all({ level, from, to, ...values }) as (Partial<Record<Kind, string>> & { n: number })[];
      for (const { n, ...row } of rows) {
        for (const [kind, value] of Object.entries(row)) {
          const counts = sums[kind as Kind];
          counts.set(value, (counts.get(value) ?? 0) + n);
        }
      }
    }
  }
  return {
    types: top(sums.type, limit),
    sensors: top(sums.sensor, limit),
    instruments: top(sums.instrument, limit),
    severities: top(sums.severity, limit),
  };
}

/** Signatures of which nothing is shown are left out; counts of the others know nothing of suppressions. */
function fromSignatures(db: Db, plan: SearchPlan, limit: number): Facet {
  const hidden = plan.hidden.filter(({ address, sensors }) => address === undefined && sensors === undefined);
  const [from, to] = [
    Math.floor(plan.fromId / IDS_PER_MS / HOUR_MS),
    Math.ceil(plan.toId / IDS_PER_MS / HOUR_MS),
  ];
  const { where, values } = countsWhere(plan.filter, true);
  return db
    .prepare(
      'SELECT signature AS value, sum(n) AS count FROM signature_counts ' +
        `WHERE hour >= @from AND hour < @to ${where} ` +
        'AND signature NOT IN (SELECT value FROM json_each(@hidden)) GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT @limit',
    )
    .all({
      ...{ from, to, ...values, limit },
      hidden: JSON.stringify(hidden.map(({ signature }) => signature)),
    }) as Facet;
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
  readonly kinds = emptyKinds();
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

function emptyKinds(): Record<Kind, Map<string, number>> {
  return { type: new Map(), sensor: new Map(), instrument: new Map(), severity: new Map() };
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
