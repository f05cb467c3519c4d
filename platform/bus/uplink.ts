import { readFileSync } from 'node:fs';
import { headers, errors, type NatsConnection } from '@nats-io/transport-node';
import { z } from 'zod';
import { SensorIdSchema, UPLINK_INBOX, UPLINK_LIMITS, uplinkSubjects } from '../contracts/index.ts';
import { BulkheadError, describeError, parseStrict, writeFileAtomic } from '../kernel/index.ts';
import { connectAs } from './admin.ts';
import type { Identities } from './identities.ts';

/** Account that is bound to the leaf link and to nothing else: no JetStream, no import, no export. */
export const UPLINK_ACCOUNT = 'UPLINK';

/** To whom events are brought, and how. */
export interface UplinkLine {
  /** Id that the fleet gave this sensor. */
  sensor: string;
  /** Loopback port of the forwarder into the fleet's tunnel. */
  port: number;
}

/** One event message on its way to the fleet. */
export interface UplinkMessage {
  subject: string;
  headers: Readonly<Record<string, string>>;
  body: Uint8Array;
}

/** The bus' end of the link to the fleet's hub. */
export interface BusUplink {
  /** Public key of the nkey with which this bus proves itself to the hub. */
  readonly publicKey: string;
  /** What the bus is bound to; kept over restarts. */
  readonly line: UplinkLine | undefined;
  /** Binds the bus to a fleet, or to none. Nobody is disconnected. */
  bind(line: UplinkLine | undefined): Promise<void>;
  /**
   * Brings one message to the hub; resolves when it is durable there. Messages are sent in the order of the calls.
   * @throws BulkheadError BUS_UPLINK_UNANSWERED (also when there is no link), BUS_UPLINK_REFUSED
   */
  publish(message: UplinkMessage, timeoutMs: number): Promise<void>;
}

const LineSchema = z.strictObject({
  version: z.literal(1),
  sensor: SensorIdSchema,
  port: z.int().min(1).max(65_535),
});
/** What JetStream answers when a message is stored, or not. */
const AckSchema = z.object({
  stream: z.string().min(1).optional(),
  seq: z.number().int().min(1).optional(),
  error: z.object({ description: z.string().max(500).optional() }).optional(),
});

/**
 * INVARIANTS: the line is on disk before the server is told. One connection as the uplink's user, made when it is first needed,
 * which then reconnects by itself until `end`.
 */
export class Uplink implements BusUplink {
  readonly #file: string;
  readonly #identities: Identities;
  readonly #port: number;
  readonly #apply: () => Promise<void>;
  #line: UplinkLine | undefined;
  #connection: Promise<NatsConnection> | undefined;

  /** @param options.apply brings the changed configuration into force, if the server runs */
  constructor(options: { file: string; identities: Identities; port: number; apply: () => Promise<void> }) {
    this.#file = options.file;
    this.#identities = options.identities;
    this.#port = options.port;
    this.#apply = options.apply;
    this.#line = read(options.file);
  }

  get publicKey(): string {
    return this.#identities.internal('leaf').publicKey;
  }

  get line(): UplinkLine | undefined {
    return this.#line;
  }

  async bind(line: UplinkLine | undefined): Promise<void> {
    if (JSON.stringify(line) === JSON.stringify(this.#line)) return;
    const next =
      line && parseStrict(LineSchema, { version: 1, ...line }, 'BUS_MODEL_INVALID', 'The line of the uplink');
    await writeFileAtomic(this.#file, `${JSON.stringify(next ?? {})}\n`);
    this.#line = next && { sensor: next.sensor, port: next.port };
    // Its user's rights change with the sensor's id.
    await this.end();
    await this.#apply();
  }

  async publish({ subject, headers: fields, body }: UplinkMessage, timeoutMs: number): Promise<void> {
    const ack = await this.#request(subject, fields, body, timeoutMs);
    if (ack.error === undefined && ack.stream !== undefined && ack.seq !== undefined) return;
    throw new BulkheadError({
      code: 'BUS_UPLINK_REFUSED',
      message: `The fleet does not store ${subject}: ${ack.error?.description ?? 'its answer says nothing'}.`,
      fields: { subject },
    });
  }

  /** The part of the server's configuration beside the accounts; holds a seed. */
  leafLines(): string[] {
    if (this.#line === undefined) return [];
    const { seed } = this.#identities.internal('leaf');
    const url = `nats-leaf://127.0.0.1:${String(this.#line.port)}`;
    return [
      // While the fleet is away this is tried for days: told once, then seldom.
      'connect_error_reports: 100000',
      'reconnect_error_reports: 100000',
      'leafnodes {',
      '  reconnect: "1s"',
      `  remotes: [ { url: "${url}", account: ${UPLINK_ACCOUNT}, nkey: "${seed}" } ]`,
      '}',
    ];
  }

  /** The account, as the last line of the block of accounts. */
  accountLines(): string[] {
    if (this.#line === undefined) return [];
    const { publicKey } = this.#identities.internal('uplink');
    const permissions =
      `publish: { allow: ["${uplinkSubjects(this.#line.sensor)}"] }, ` +
      `subscribe: { allow: ["${UPLINK_INBOX}.>"] }`;
    return [
      `  "${UPLINK_ACCOUNT}" {`,
      `    limits: { max_payload: ${String(UPLINK_LIMITS.messageBytes)}, max_connections: 4, max_subscriptions: 64, max_leafnodes: 2 }`,
      `    users: [ { nkey: ${publicKey}, permissions: { ${permissions} } } ]`,
      '  }',
    ];
  }

  async end(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    await connection?.then((open) => open.close()).catch(() => undefined);
  }

  async #request(
    subject: string,
    fields: Readonly<Record<string, string>>,
    body: Uint8Array,
    timeoutMs: number,
  ): Promise<z.output<typeof AckSchema>> {
    try {
      const connection = await this.#connected();
      const head = headers();
      for (const [name, value] of Object.entries(fields)) head.set(name, value);
      const reply = await connection.request(subject, body, { timeout: timeoutMs, headers: head });
      return AckSchema.parse(JSON.parse(reply.string()));
    } catch (cause) {
      const nobody = cause instanceof errors.RequestError && cause.isNoResponders();
      throw new BulkheadError({
        code: 'BUS_UPLINK_UNANSWERED',
        message: `The fleet did not acknowledge ${subject}: ${nobody ? 'there is no link' : describeError(cause)}.`,
        fields: { subject },
        cause,
      });
    }
  }

  async #connected(): Promise<NatsConnection> {
    this.#connection ??= connectAs(
      this.#identities.internal('uplink'),
      'platform-uplink',
      this.#port,
      2_000,
      UPLINK_INBOX,
    );
    const connecting = this.#connection;
    return connecting.catch((error: unknown) => {
      if (this.#connection === connecting) this.#connection = undefined;
      throw error;
    });
  }
}

/** Without a readable file there is no link: the sensor binds itself again when it is attached. */
function read(file: string): UplinkLine | undefined {
  try {
    const { sensor, port } = LineSchema.parse(JSON.parse(readFileSync(file, 'utf8')));
    return { sensor, port };
  } catch {
    return undefined;
  }
}
