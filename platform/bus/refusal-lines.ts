import { z } from 'zod';
import type { Refusal } from './refused-attempts.ts';

/** A Go string in quotes (`%q`): whatever a client sends stands between them with quotes and line ends escaped. */
const QUOTED = String.raw`"((?:[^"\\\n]|\\.)*)"`;

/**
 * A line of nats-server 2.15 about a client with an account. The name and the version in front are the client's own words, in
 * quotes; the account and the key after them are the server's.
 */
const LINE = new RegExp(
  String.raw`^\[\d+\] \d{4}/\d\d/\d\d [\d:.]+ \[ERR\] [\d.:[\]a-f]+ - cid:\d+ - (?:${QUOTED} - )?"I_([a-z0-9-]{1,30})/nkey:U[A-Z2-7]{55}" - (.*)$`,
);
const VIOLATION = new RegExp(String.raw`^(Publish|Subscription) Violation - Subject ${QUOTED}`);

/** What a line of the server's log says was refused; undefined for every other line. */
export function refusalInLine(line: string): Refusal | undefined {
  const match = LINE.exec(line.slice(0, 16_384));
  if (match === null) return undefined;
  const [, , instrument = '', what = ''] = match;
  const violation = VIOLATION.exec(what);
  if (violation !== null) {
    const operation = violation[1] === 'Publish' ? 'publish' : 'subscribe';
    return { instrument, operation, subject: unquoted(violation[2] ?? ''), reason: 'not permitted' };
  }
  if (what.startsWith('maximum subscriptions exceeded'))
    return { instrument, operation: 'subscribe', subject: '', reason: 'too many subscriptions' };
  return undefined;
}

const AdvisorySchema = z.object({
  client: z.object({ acc: z.string().max(64).optional(), user: z.string().max(256).optional() }),
  reason: z.string().max(200),
});

/** What the server says when it ends a connection, and what that means; all other ends are nobody's fault. */
const REASONS: Readonly<Record<string, Pick<Refusal, 'operation' | 'reason'>>> = Object.freeze({
  'Maximum Account Connections Exceeded': { operation: 'connect', reason: 'too many connections' },
  'Maximum Message Payload Exceeded': { operation: 'publish', reason: 'message too large' },
  'Maximum Control Line Exceeded': { operation: 'publish', reason: 'protocol line too long' },
  'Parse Error': { operation: 'publish', reason: 'not the protocol' },
  'Protocol Violation': { operation: 'publish', reason: 'not the protocol' },
  'Slow Consumer (Pending Bytes)': { operation: 'subscribe', reason: 'reads too slowly' },
  'Slow Consumer (Write Deadline)': { operation: 'subscribe', reason: 'reads too slowly' },
});

/** What the end of a connection (`$SYS.ACCOUNT.<account>.DISCONNECT`) says was refused. */
export function refusalInDisconnect(advisory: unknown): Refusal | undefined {
  const parsed = AdvisorySchema.safeParse(advisory);
  if (!parsed.success) return undefined;
  const { client, reason } = parsed.data;
  const instrument = /^I_([a-z0-9-]{1,30})$/.exec(client.acc ?? '')?.[1];
  const meaning = REASONS[reason];
  if (instrument === undefined || meaning === undefined) return undefined;
  return { instrument, subject: '', ...meaning };
}

/**
 * What a refused key (`$SYS.SERVER.<id>.CLIENT.AUTH.ERR`) says.
 * @param ownerOf whose key it is or was; the client only says that it has it
 */
export function refusalInAuthentication(
  advisory: unknown,
  ownerOf: (publicKey: string) => string | undefined,
): Refusal | undefined {
  const parsed = AdvisorySchema.safeParse(advisory);
  if (!parsed.success) return undefined;
  const { user } = parsed.data.client;
  const owner = user === undefined ? undefined : ownerOf(user);
  const reason =
    user === undefined ? 'no key' : owner === undefined ? 'unknown key' : 'key not valid any more';
  return { instrument: owner ?? '?', operation: 'connect', subject: '', reason };
}

/** Only the quotes; what else was escaped stays so, and can be shown to people. */
function unquoted(text: string): string {
  return text.replaceAll('\\"', '"').replaceAll('\\\\', '\\');
}
