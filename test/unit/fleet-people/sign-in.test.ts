import { hash } from '@node-rs/argon2';
import { generate } from 'otplib';
import { beforeEach, expect, test } from 'vitest';
import { waitFor } from '@bulkhead/platform/kernel';
import { Accounts, type Account } from '../../../fleet-ui/server/people/accounts.ts';
import { Attempts } from '../../../fleet-ui/server/people/attempts.ts';
import { Passwords } from '../../../fleet-ui/server/people/passwords.ts';
import { SecondFactor } from '../../../fleet-ui/server/people/second-factor.ts';
import { SignIn } from '../../../fleet-ui/server/people/sign-in.ts';
import { peopleTables } from '../../support/fleet/people-store.ts';

/* Proving takes a while, and meanwhile others do something. */

const HERE = '192.0.2.10';
const PASSWORD = 'seven mice in a teapot';
const NOW = Date.parse('2026-11-21T08:00:00Z');

/** Computes as always, and then waits until the test lets it go on. */
class HeldPasswords extends Passwords {
  held: { verify?: Promise<void>; hash?: Promise<void> } = {};
  hashed = 0;

  override async hash(password: string): Promise<string> {
    const made = await super.hash(password);
    this.hashed += 1;
    await this.held.hash;
    return made;
  }

  override async verify(kept: string | undefined, password: string): Promise<boolean> {
    const right = await super.verify(kept, password);
    await this.held.verify;
    return right;
  }
}

let accounts: Accounts;
let secondFactor: SecondFactor;
let passwords: HeldPasswords;
let signIn: SignIn;
let ben: Account;

beforeEach(async () => {
  const db = peopleTables();
  const clock = () => NOW;
  accounts = new Accounts(db, clock);
  secondFactor = new SecondFactor(db, clock, (id) => {
    accounts.changed(id);
  });
  passwords = new HeldPasswords();
  signIn = new SignIn({ accounts, attempts: new Attempts(db, clock), passwords, secondFactor });
  const password = await hash(PASSWORD, { memoryCost: 8_192, timeCost: 1, parallelism: 1 });
  // Somebody else manages the fleet.
  accounts.add({ name: 'ada', displayName: 'Ada', roles: [{ role: 'admin' }], password });
  ben = accounts.add({ name: 'ben', displayName: 'Ben', roles: [{ role: 'viewer' }], password });
});

/** @returns what lets it go on */
function hold(what: 'verify' | 'hash'): () => void {
  let go = (): void => undefined;
  passwords.held[what] = new Promise<void>((resolve) => (go = resolve));
  return () => {
    go();
  };
}

const enter = () => signIn.withPassword({ name: 'ben', password: PASSWORD }, HERE, () => undefined);
const refused = (code: string) => expect.objectContaining({ code }) as Error;

test('a password that is kept in an older form is kept in the new one', async () => {
  await enter();
  expect(accounts.get(ben.id).password).toMatch(/^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
});

test('a password that is taken away while its new form is computed does not come back', async () => {
  const go = hold('hash');
  const entering = enter();
  entering.catch(() => undefined);
  // By then it was found right.
  await waitFor('the new form', 20_000, () => passwords.hashed > 0);
  accounts.invite(ben.id);
  go();
  await expect(entering).rejects.toThrow(refused('FLEET_PEOPLE_SIGN_IN_REFUSED'));
  expect(accounts.get(ben.id).password).toBeUndefined();
});

test('a second factor that is set while the password is computed counts', async () => {
  const go = hold('verify');
  const entering = enter();
  entering.catch(() => undefined);
  const { secret } = secondFactor.begin(ben.id);
  await secondFactor.confirm(ben.id, await generate({ secret, epoch: NOW / 1000 }));
  go();
  await expect(entering).rejects.toThrow(refused('FLEET_PEOPLE_CODE_NEEDED'));
});

test('an account that is disabled while the password of its invitation is computed gets none', async () => {
  const { code } = accounts.invite(ben.id);
  const go = hold('hash');
  const accepting = signIn.acceptInvitation({ code, password: 'a teapot full of other mice' }, HERE);
  accepting.catch(() => undefined);
  accounts.change(ben.id, { disabled: true });
  go();
  await expect(accepting).rejects.toThrow(refused('FLEET_PEOPLE_INVITATION_REFUSED'));
  expect(accounts.get(ben.id).password).toBeUndefined();
});
