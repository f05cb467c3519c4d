import { expect, test } from 'vitest';
import { Attempts, networkOf } from '../../../fleet-ui/server/people/attempts.ts';
import { peopleTables } from '../../support/fleet/people-store.ts';

function open() {
  const clock = { now: 1_000_000_000_000 };
  const db = peopleTables();
  const attempts = new Attempts(db, () => clock.now);
  /** Fails as often as it can. @returns seconds to wait, or 0 */
  const fail = (account: string, address: string): number => {
    try {
      attempts.begin(account, address);
      return 0;
    } catch (error) {
      return (error as { fields: { retryAfterS: number } }).fields.retryAfterS;
    }
  };
  return { attempts, clock, db, fail };
}

test('who fails waits twice as long each time, up to a quarter of an hour, whether the account exists or not', () => {
  const { clock, fail } = open();
  const waits: number[] = [];
  for (let n = 0; n < 16; n++) {
    // Each from another place: only the account is counted.
    const wait = fail('ada', `198.51.100.${n}`);
    if (wait > 0) {
      waits.push(wait);
      clock.now += wait * 1000;
      expect(fail('ada', `203.0.113.${n}`)).toBe(0);
    }
  }
  expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 900, 900, 900]);
});

test('success starts the account anew; at the address only its own attempt is taken back', () => {
  const { attempts, fail } = open();
  for (let n = 0; n < 4; n++) expect(fail('ada', '198.51.100.1')).toBe(0);
  attempts.begin('ada', '198.51.100.1').succeeded();
  for (let n = 0; n < 5; n++) expect(fail('ada', '198.51.100.1')).toBe(0);
  expect(fail('ada', '198.51.100.1')).toBeGreaterThan(0);
  // Somebody with an account of their own cannot wash the address clean for guessing at others.
  const { attempts: others, fail: guess } = open();
  for (let n = 0; n < 20; n++) {
    expect(guess(`person ${n}`, '198.51.100.2')).toBe(0);
    if (n < 19) others.begin('mallory', '198.51.100.2').succeeded();
  }
  expect(guess('another', '198.51.100.2')).toBeGreaterThan(0);
  expect(guess('another', '198.51.100.3')).toBe(0);
});

test('many at once gain nothing: each counts before it is known how it ends', () => {
  const { attempts } = open();
  const begun = Array.from({ length: 50 }, (_, n) => {
    try {
      return attempts.begin('ada', `198.51.100.${n}`);
    } catch {
      return undefined;
    }
  });
  expect(begun.filter((one) => one !== undefined)).toHaveLength(5);
});

test('what was nobody’s fault is not counted, and failures are forgotten after a day', () => {
  const { attempts, clock, fail } = open();
  for (let n = 0; n < 30; n++) attempts.begin('ada', '198.51.100.1').withdrawn();
  for (let n = 0; n < 5; n++) expect(fail('ada', '198.51.100.1')).toBe(0);
  expect(fail('ada', '198.51.100.1')).toBeGreaterThan(0);
  clock.now += 25 * 3_600_000;
  expect(fail('ada', '198.51.100.1')).toBe(0);
  expect(fail('ada', '198.51.100.1')).toBe(0);
});

test('counts survive a restart; names are not in the table', () => {
  const { clock, db, fail } = open();
  for (let n = 0; n < 5; n++) fail('my password by mistake', '198.51.100.1');
  const again = new Attempts(db, () => clock.now);
  expect(() => again.begin('my password by mistake', '198.51.100.1')).toThrow(/Too many failed attempts/);
  expect(JSON.stringify(db.prepare('SELECT * FROM people_attempts').all())).not.toContain('mistake');
});

test('an IPv6 subscriber is one place, however many addresses there are', () => {
  expect(networkOf('2001:db8:1:2:3:4:5:6')).toBe(networkOf('2001:DB8:1:2::1'));
  expect(networkOf('2001:db8:1:2::1')).not.toBe(networkOf('2001:db8:1:3::1'));
  expect(networkOf('::ffff:192.0.2.1')).toBe('192.0.2.1');
  expect(networkOf('fe80::1%eth0')).toBe(networkOf('fe80::2'));
});
