import { hash, verify } from '@node-rs/argon2';
import { BulkheadError } from '@bulkhead/platform/kernel';

/**
 * RFC 9106, section 4, second recommendation, on one lane: 64 MiB, three passes. The library's default algorithm is argon2id
 * (its `Algorithm` is a const enum, which cannot be named here); a test looks at the prefix of what it makes.
 */
const COST = { memoryCost: 65_536, timeCost: 3, parallelism: 1 };
const PREFIX = '$argon2id$v=19$m=65536,t=3,p=1$';
/** Each takes 64 MiB and a core for a tenth of a second. */
const AT_ONCE = 2;
const WAITING = 32;

/**
 * Hashes passwords.
 *
 * INVARIANTS: at most {@link AT_ONCE} are computed and {@link WAITING} wait, so that attempts at signing in cannot take the
 * machine's memory; who comes later is refused at once. Whether there is a hash to compare with makes no difference in time.
 */
export class Passwords {
  #running = 0;
  readonly #waiting: (() => void)[] = [];
  /** Of nobody: compared with when there is nothing to compare with. */
  #decoy: Promise<string> | undefined;

  /** @returns the PHC string that is kept */
  async hash(password: string): Promise<string> {
    return this.#inTurn(() => hash(password.normalize('NFC'), COST));
  }

  /** @param kept undefined for nobody, or somebody without a password: takes as long, and is false */
  async verify(kept: string | undefined, password: string): Promise<boolean> {
    this.#decoy ??= hash('compared with for those who do not exist', COST);
    const against = kept ?? (await this.#decoy);
    const right = await this.#inTurn(() => verify(against, password.normalize('NFC')));
    return kept !== undefined && right;
  }

  /** Made with another cost than is the rule now: worth hashing again when the password is at hand. */
  outdated(kept: string): boolean {
    return !kept.startsWith(PREFIX);
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= AT_ONCE) {
      if (this.#waiting.length >= WAITING)
        throw new BulkheadError({
          code: 'FLEET_PEOPLE_BUSY',
          message: 'More people sign in at this moment than the fleet checks at a time.',
          hint: 'Try again in a few seconds.',
        });
      // The place is handed over, not given back: nobody can slip in between.
      await new Promise<void>((go) => this.#waiting.push(go));
    } else {
      this.#running++;
    }
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
