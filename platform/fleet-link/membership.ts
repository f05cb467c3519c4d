import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BulkheadError, writeFileAtomic } from '../kernel/index.ts';

const EndpointSchema = z.strictObject({ host: z.string().min(1).max(253), port: z.int().min(1).max(65_535) });
const Pem = z.string().max(64 << 10);
const KeyRequestSchema = z.strictObject({ keyPem: Pem, csrPem: Pem });

const MembershipSchema = z.strictObject({
  version: z.literal(1),
  /** Id that the fleet gave. */
  sensor: z.string().max(64),
  keyPem: Pem,
  /** The leaf first. */
  chainPem: Pem,
  caPem: Pem,
  /** Where people and enrolment are. */
  fleet: EndpointSchema,
  /** Enrolment without TLS: only for a fleet on this machine. */
  plain: z.boolean(),
  link: EndpointSchema,
  proxy: EndpointSchema.extend({ credentials: z.string().max(1000).optional() }).optional(),
  /** SHA-256 of the token that was used: a second join with it is the same one. */
  tokenDigest: z.string().max(64),
  joinedAt: z.iso.datetime(),
  /** Of a renewal that was asked for and not answered: asked again with the same key, it stays one renewal. */
  renewal: KeyRequestSchema.optional(),
});
/** That a sensor belongs to a fleet, with all that it needs to prove it. Secret. */
export type Membership = z.output<typeof MembershipSchema>;

const PendingSchema = z.strictObject({
  version: z.literal(1),
  tokenDigest: z.string().max(64),
  ...KeyRequestSchema.shape,
});
/** A join that was begun: whoever is interrupted begins again with the same key. */
export type PendingJoin = z.output<typeof PendingSchema>;

/** What became of the fleet's configurations, durably. */
const DesiredSchema = z.strictObject({
  version: z.literal(1),
  revision: z.int().min(1),
  /** SHA-256 of its document, hex; empty: of a version that did not keep it. */
  digest: z.string().max(64).default(''),
  state: z.enum(['applying', 'applied', 'failed']),
  code: z.string().max(100).default(''),
  message: z.string().max(4000).default(''),
  sensorRevision: z.int().min(0).default(0),
  /** The newest one that was brought in force; 0 = none. */
  inForce: z.int().min(0),
  /**
   * Until it is proven that the fleet can still be reached: the sensor's own revision to go back to, and the fleet's that is then in
   * force. 0 = nothing is to be proven.
   */
  back: z.int().min(0).default(0),
  backInForce: z.int().min(0).default(0),
});
export type DesiredRecord = z.output<typeof DesiredSchema>;

/**
 * What a sensor keeps of its fleet, below `stateDir/fleet`: one file for the whole membership, so that key, chain and
 * address can never be of different times. Files are root's alone (0600), each replaced as a whole.
 */
export class MembershipStore {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** @returns undefined when the sensor belongs to no fleet. @throws BulkheadError FLEET_LINK_STATE_DAMAGED */
  async read(): Promise<Membership | undefined> {
    return this.#parsed('membership.json', MembershipSchema);
  }

  async write(membership: Membership): Promise<void> {
    await this.#put('membership.json', membership);
    await rm(join(this.#dir, 'joining.json'), { force: true });
  }

  /** @returns undefined also when it is damaged: a join begins anew. */
  async pending(): Promise<PendingJoin | undefined> {
    return this.#parsed('joining.json', PendingSchema).catch(() => undefined);
  }

  async begin(pending: PendingJoin): Promise<void> {
    await this.#put('joining.json', pending);
  }

  /** @returns undefined also when it is damaged: the fleet then sends its configuration again. */
  async desired(): Promise<DesiredRecord | undefined> {
    return this.#parsed('desired.json', DesiredSchema).catch(() => undefined);
  }

  async writeDesired(record: DesiredRecord): Promise<void> {
    await this.#put('desired.json', record);
  }

  async forgetDesired(): Promise<void> {
    await rm(join(this.#dir, 'desired.json'), { force: true });
  }

  /** Everything of the fleet, the key first. */
  async remove(): Promise<void> {
    for (const name of ['membership.json', 'joining.json', 'desired.json']) {
      await rm(join(this.#dir, name), { force: true });
    }
  }

  async #put(name: string, value: unknown): Promise<void> {
    await writeFileAtomic(join(this.#dir, name), `${JSON.stringify(value)}\n`, 0o600);
  }

  async #parsed<T extends z.ZodType>(name: string, schema: T): Promise<z.output<T> | undefined> {
    const path = join(this.#dir, name);
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw damaged(path, error);
    }
    try {
      return schema.parse(JSON.parse(text));
    } catch (error) {
      throw damaged(path, error);
    }
  }
}

function damaged(path: string, cause: unknown): BulkheadError {
  // Without the cause's text: it may quote a piece of the key.
  return new BulkheadError({
    code: 'FLEET_LINK_STATE_DAMAGED',
    message: `${path} cannot be read (${(cause as NodeJS.ErrnoException).code ?? 'not as it was written'}).`,
    hint: 'The sensor works on without its fleet. Join again with a token that replaces this sensor, and `--replace`.',
    fields: { path },
  });
}
