import { randomBytes } from 'node:crypto';
import type Database from 'better-sqlite3';
import { generate } from 'otplib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSeal } from '@bulkhead/fleet-server/people';
import { SecondFactor } from '../../../fleet-ui/server/people/second-factor.ts';
import { peopleTables } from '../../support/fleet/people-store.ts';

const NOW = Date.parse('2026-11-21T12:00:00Z');
const STEP_MS = 30_000;
let db: Database.Database;
let now: number;

beforeEach(() => {
  db = peopleTables();
  now = NOW;
  for (const name of ['ada', 'eve'])
    db.prepare(
      "INSERT INTO people_accounts (id, name, display_name, roles, created) VALUES (?, ?, ?, '[]', 0)",
    ).run(name, name, name);
});
afterEach(() => db.close());

const open = (key?: Buffer) =>
  new SecondFactor(
    db,
    () => now,
    () => undefined,
    key === undefined ? undefined : openSeal(key),
  );
const code = (secret: string) => generate({ secret, epoch: Math.floor(now / 1000) });
const everything = () => JSON.stringify(db.prepare('SELECT * FROM people_accounts').all());

async function enrolled(factor: SecondFactor, person: string): Promise<string> {
  const { secret } = factor.begin(person);
  await factor.confirm(person, await code(secret));
  now += STEP_MS;
  return secret;
}

test('the database does not say what a second factor is, from its beginning on; with the key it works', async () => {
  const key = randomBytes(32);
  const factor = open(key);
  const { secret } = factor.begin('ada');
  expect(everything()).not.toContain(secret);
  await factor.confirm('ada', await code(secret));
  expect(everything()).not.toContain(secret);
  now += STEP_MS;
  expect(open(key).sealAll()).toEqual([]);
  expect(await open(key).takeCode('ada', await code(secret))).toBe(true);
  expect(await open(key).takeCode('ada', await code(secret))).toBe(false);
});

test('what an earlier version kept as it was is sealed when fleetd starts, and goes on working', async () => {
  const secret = await enrolled(open(), 'ada');
  const { secret: begun } = open().begin('eve');
  expect(everything()).toContain(secret);
  const key = randomBytes(32);
  expect(open(key).sealAll()).toEqual([]);
  expect(everything()).not.toContain(secret);
  expect(everything()).not.toContain(begun);
  expect(await open(key).takeCode('ada', await code(secret))).toBe(true);
  await open(key).confirm('eve', await code(begun));
});

test('with another key nobody gets in by a code, and it is said whom that concerns; recovery codes work', async () => {
  const factor = open(randomBytes(32));
  const { secret } = factor.begin('ada');
  const [recovery = ''] = await factor.confirm('ada', await code(secret));
  now += STEP_MS;
  const other = open(randomBytes(32));
  expect(other.sealAll()).toEqual(['ada']);
  expect(await other.takeCode('ada', await code(secret))).toBe(false);
  expect(other.takeRecoveryCode('ada', recovery)).toBe(true);
});

test('who can write into the database does not give one account the second factor of another', async () => {
  const key = randomBytes(32);
  const secret = await enrolled(open(key), 'eve');
  db.exec(
    "UPDATE people_accounts SET totp_secret = (SELECT totp_secret FROM people_accounts WHERE id = 'eve') WHERE id = 'ada'",
  );
  expect(await open(key).takeCode('ada', await code(secret))).toBe(false);
  expect(await open(key).takeCode('eve', await code(secret))).toBe(true);
});
