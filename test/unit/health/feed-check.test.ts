import { describe, expect, test } from 'vitest';
import { FeedSettingsSchema, type FeedAlarmKind } from '@bulkhead/platform/contracts';
import { FeedBaselineSchema, FeedCheck, type FeedReport } from '@bulkhead/platform/health';

const LOOK_S = 5;

/** A feed that is looked at every five seconds, with a capture engine that reports what the test says. */
function feed(settings: object = {}, baseline?: ReturnType<typeof FeedBaselineSchema.parse>) {
  const told: string[] = [];
  let atMs = 0;
  let packets = 0;
  let counted = { sampled: 0, seen: 0 };
  const check = new FeedCheck({
    monitor: 'mon',
    device: 'eth1',
    settings: FeedSettingsSchema.parse({ learningS: 60, silenceS: 30, ...settings }),
    baseline,
    publish: (type, record) => told.push(`${type} ${String(record['kind'])}`),
    now: () => new Date(Date.UTC(2026, 0, 1) + atMs),
  });
  const look = (perSecond: number, report?: Partial<FeedReport>, unobserved?: string) => {
    atMs += LOOK_S * 1000;
    packets += Math.round(perSecond * LOOK_S);
    if (report?.duplicates !== undefined) {
      counted = {
        sampled: counted.sampled + report.duplicates.sampled,
        seen: counted.seen + report.duplicates.seen,
      };
    }
    check.look({
      atMs,
      packets,
      unobserved,
      report:
        report === undefined
          ? undefined
          : { interface: 'in0', since: 'a', windowS: 30, vlans: [], ...report, duplicates: counted },
    });
  };
  const looks = (count: number, ...what: Parameters<typeof look>) => {
    for (let n = 0; n < count; n += 1) look(...what);
  };
  const alarms = (): FeedAlarmKind[] => check.status.alarms.map(({ kind }) => kind);
  return { check, told, looks, alarms };
}

const talk = (total: number, oneSided: number) => ({ conversations: { total, oneSided } });
const seen = (...ids: number[]) => ({ vlans: ids.map((id) => ({ id, agoS: 0 })) });

describe('silence', () => {
  test('no packet for the time that was set is told once, and its end once', () => {
    const { told, looks, alarms, check } = feed();
    looks(10, 100);
    looks(5, 0);
    expect(alarms()).toEqual([]);
    looks(20, 0);
    expect(alarms()).toEqual(['silence']);
    expect(check.status.alarms[0]?.text).toMatch(/SPAN may have been removed.*check the switch/);
    looks(1, 100);
    expect(alarms()).toEqual(['silence']); // one packet is no feed
    looks(4, 100);
    expect(told).toEqual(['feed.alarm silence', 'feed.cleared silence']);
  });

  test('a switch that still talks to itself hides no removed SPAN', () => {
    const { looks, alarms, check } = feed();
    looks(10, 100, talk(40, 1));
    looks(8, 1, talk(0, 0));
    expect(alarms()).toEqual(['silence']);
    expect(check.status.alarms[0]?.text).toContain('only the switch itself talks');
    looks(4, 100, talk(40, 1));
    expect(alarms()).toEqual([]);
  });

  test('a time in which nobody looked is no silence', () => {
    const { check, alarms } = feed();
    check.look({ atMs: 0, packets: 10 });
    check.look({ atMs: 3_600_000, packets: 10 }); // the machine slept
    expect(alarms()).toEqual([]);
  });
});

describe('rate', () => {
  const slow = { learningS: 120 };
  test('a rate far from what is usual is told once it lasts; nothing is judged while it learns', () => {
    const { looks, alarms, told, check } = feed(slow);
    looks(6, 1000);
    looks(5, 10);
    expect(check.status.state).toBe('learning');
    expect(told).toEqual([]);
    const steady = feed(slow);
    steady.looks(30, 1000);
    expect(steady.check.status).toMatchObject({ state: 'ok', usualPacketsPerSecond: 1000 });
    steady.looks(8, 60);
    expect(steady.alarms()).toEqual([]); // not yet
    steady.looks(20, 60);
    expect(steady.alarms()).toEqual(['rate']);
    steady.looks(20, 1000);
    expect(steady.told).toEqual(['feed.alarm rate', 'feed.cleared rate']);
    expect(alarms()).toEqual([]);
  });

  test('more than usual is told as well, and a burst is not', () => {
    const { looks, alarms, check } = feed(slow);
    looks(30, 100);
    looks(2, 100_000);
    looks(20, 100);
    expect(alarms()).toEqual([]);
    looks(30, 10_000);
    expect(alarms()).toEqual(['rate']);
    expect(check.status.alarms[0]?.text).toContain('far more');
  });

  test('what is usual survives a restart', () => {
    const first = feed(slow);
    first.looks(30, 1000);
    const kept = FeedBaselineSchema.parse(JSON.parse(JSON.stringify(first.check.baseline)));
    const second = feed(slow, kept);
    second.looks(30, 10);
    expect(second.alarms()).toEqual(['rate']);
  });

  test('a pinned least rate is judged from the start', () => {
    const { looks, alarms } = feed({ minPacketsPerSecond: 50 });
    looks(6, 10);
    expect(alarms()).toEqual(['rate']);
    looks(20, 500);
    expect(alarms()).toEqual([]);
  });
});

describe('what the capture engine saw', () => {
  test('half of a SPAN: conversations in one direction only', () => {
    const { looks, alarms, check } = feed();
    looks(5, 100, talk(40, 8));
    expect(alarms()).toEqual([]);
    looks(4, 100, talk(40, 38));
    expect(alarms()).toEqual(['one-sided']);
    expect(check.status).toMatchObject({ state: 'alarm', oneSidedPercent: 95 });
    looks(5, 100, talk(40, 18)); // between: stays
    expect(alarms()).toEqual(['one-sided']);
    looks(3, 100, talk(40, 2));
    expect(alarms()).toEqual([]);
  });

  test('a few conversations say nothing', () => {
    const { looks, alarms } = feed();
    looks(20, 100, talk(4, 4));
    expect(alarms()).toEqual([]);
  });

  test('a pinned VLAN that is not there, or goes', () => {
    const { looks, alarms, check } = feed({ expectVlans: [10, 20] });
    looks(5, 100, seen(10, 20));
    looks(5, 100, seen(10));
    expect(alarms()).toEqual([]);
    looks(3, 100, seen(10));
    expect(alarms()).toEqual(['vlan-missing']);
    expect(check.status.alarms[0]).toMatchObject({ observed: 'not seen: 20', expected: 'VLAN 10, 20' });
    looks(4, 100, seen(10, 20));
    expect(alarms()).toEqual([]);
  });

  test('a VLAN that was usual is missed, one that came by once is not', () => {
    const { looks, alarms, check } = feed();
    looks(1, 100, seen(7, 99));
    looks(14, 100, seen(7));
    looks(14, 100, seen());
    expect(alarms()).toEqual(['vlan-missing']);
    expect(check.status.alarms[0]?.observed).toBe('not seen: 7');
  });

  test('a silent feed misses no VLAN one by one, and a capture engine that does not answer none either', () => {
    const quiet = feed({ expectVlans: [10] });
    quiet.looks(40, 0, { vlans: [] });
    expect(quiet.alarms()).toEqual(['silence']);
    const blind = feed({ expectVlans: [10] });
    blind.looks(5, 100, seen(10));
    blind.looks(40, 100, undefined, 'it does not answer');
    expect(blind.alarms()).toEqual([]);
    expect(blind.check.status.unobserved).toBe('it does not answer');
  });

  test('duplicates', () => {
    const { looks, alarms } = feed();
    looks(5, 100, { duplicates: { sampled: 100, seen: 2 } });
    expect(alarms()).toEqual([]);
    looks(4, 100, { duplicates: { sampled: 100, seen: 95 } });
    expect(alarms()).toEqual(['duplicates']);
    looks(4, 100, { duplicates: { sampled: 100, seen: 0 } });
    expect(alarms()).toEqual([]);
  });
});
