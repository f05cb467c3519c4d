import { PLATFORM } from '../contracts/index.ts';
import { BUS_LIMITS } from './limits.ts';
import {
  readRights,
  sendRights,
  serviceRights,
  uniqueSorted,
  type BusInstrument,
  type BusModel,
} from './model.ts';
import {
  accountName,
  consumerName,
  PLATFORM_ACCOUNT,
  streamName,
  subjects,
  SYSTEM_ACCOUNT,
} from './names.ts';

const { wayBackMs } = BUS_LIMITS;

/** Public keys (nkeys, `U…`) of the users. */
export interface AccountKeys {
  system: string;
  platform: string;
  /** By instrument name. */
  instruments: Readonly<Record<string, string>>;
}

interface Export {
  subject: string;
  /** Accounts that may import it; never empty: a service without a list would be everybody's. */
  to: string;
  streamed?: boolean;
  /** How long the server keeps the way back of one request. */
  wayBackMs: number;
  /** Subject of this account under which the server tells what came of each request. */
  journal?: string;
}

interface Import {
  account: string;
  subject: string;
  /** Name in the importing account, when it is another one. */
  as?: string;
}

/**
 * The `accounts` part of a nats-server configuration: one account for each instrument, one for the platform, and every
 * right as an explicit service export and import between two of them. Pure; the same model gives the same text.
 *
 * Isolation is the account's. The permissions of each user repeat the same rights as allow-lists, so that a refused
 * operation is an error that names its subject, and not silence.
 *
 * @param journal secret token of the subjects under which the server tells the platform what came of each message between
 *   two instruments; nobody may know it, or an answer could be led there. Without it there is no journal.
 * @param further accounts that nobody here imports from or exports to, in lines
 */
export function compileAccounts(
  model: BusModel,
  keys: AccountKeys,
  journal?: string,
  further: readonly string[] = [],
): string {
  const instruments = uniqueSorted(model.instruments, (instrument) => instrument.name);
  const accounts = instruments.map((instrument) =>
    instrumentAccount(model, instrument, keyOf(keys, instrument.name), journal),
  );
  return [
    'accounts {',
    `  ${SYSTEM_ACCOUNT} { users: [ { nkey: ${keys.system} } ] }`,
    platformAccount(model, instruments, keys.platform, journal),
    ...accounts,
    ...further,
    '}',
    '',
  ].join('\n');
}

function platformAccount(
  model: BusModel,
  instruments: readonly BusInstrument[],
  key: string,
  journal: string | undefined,
): string {
  const exports: Export[] = instruments.flatMap((instrument) =>
    eventTypes(instrument).map((type) => ({
      subject: subjects.event(instrument.name, type),
      to: accountName(instrument.name),
      wayBackMs: wayBackMs.event,
    })),
  );
  for (const { reader, from, type } of readRights(model)) {
    const [stream, consumer, to] = [streamName(from), consumerName(reader, type), accountName(reader)];
    exports.push(
      // One pull is answered by many messages.
      { subject: subjects.pull(stream, consumer), to, streamed: true, wayBackMs: wayBackMs.pull },
      { subject: subjects.consumerInfo(stream, consumer), to, wayBackMs: wayBackMs.consumerInfo },
      { subject: subjects.acknowledge(stream, consumer), to, wayBackMs: wayBackMs.acknowledge },
    );
  }
  for (const { instrument, service } of serviceRights(model)) {
    const subject = subjects.service(instrument, service);
    exports.push({ subject, to: accountName(instrument), wayBackMs: wayBackMs.service });
  }
  const imports = instruments.flatMap((instrument) =>
    [subjects.controls(instrument.name), ...platformMessages(instrument)].map((subject) => ({
      account: accountName(instrument.name),
      subject,
    })),
  );
  return block(PLATFORM_ACCOUNT, [
    'jetstream: enabled',
    `users: [ { nkey: ${key} } ]`,
    ...exportLines(exports),
    ...importLines(imports, journal === undefined ? [] : journals(model, journal)),
  ]);
}

function instrumentAccount(
  model: BusModel,
  instrument: BusInstrument,
  key: string,
  journal: string | undefined,
): string {
  const { name } = instrument;
  const account = accountName(name);
  const sends = sendRights(model);
  const fromPlatform: Import[] = [
    ...eventTypes(instrument).map((type) => ({
      account: PLATFORM_ACCOUNT,
      subject: subjects.event(name, type),
    })),
    ...readRights(model)
      .filter(({ reader }) => reader === name)
      .flatMap(({ from, type }) => readImports(streamName(from), consumerName(name, type))),
    ...serviceRights(model)
      .filter((right) => right.instrument === name)
      .map(({ service }) => ({ account: PLATFORM_ACCOUNT, subject: subjects.service(name, service) })),
  ];
  const messages = sends
    .filter(({ from }) => from === name)
    .map(({ to, command }) => ({ account: accountName(to), subject: subjects.message(to, name, command) }));
  const exports: Export[] = [
    ...[subjects.controls(name), ...platformMessages(instrument)].map((subject) => ({
      subject,
      to: PLATFORM_ACCOUNT,
      wayBackMs: wayBackMs.command,
    })),
    ...sends
      .filter(({ to }) => to === name)
      .map(({ from, command }) => ({
        subject: subjects.message(name, from, command),
        to: accountName(from),
        wayBackMs: wayBackMs.command,
        ...(journal === undefined ? {} : { journal: subjects.journalEntry(journal, name, from, command) }),
      })),
  ];
  const imports: Import[] = [...fromPlatform, ...messages];
  const publish = [...imports.map(({ subject, as }) => as ?? subject), subjects.answers];
  const subscribe = [subjects.inbox(name), subjects.controls(name), subjects.messagesTo(name)];
  return block(account, [
    `limits: { max_connections: ${String(BUS_LIMITS.connectionsPerInstrument)}, max_subscriptions: ${String(
      BUS_LIMITS.subscriptionsPerInstrument + instrument.read.length,
    )}, max_payload: ${String(BUS_LIMITS.messageBytes)}, max_leafnodes: 0 }`,
    'users: [ {',
    `  nkey: ${key}`,
    '  permissions: {',
    `    publish: { allow: ${list(publish)} }`,
    `    subscribe: { allow: ${list(subscribe)} }`,
    '  }',
    '} ]',
    ...exportLines(
      exports,
      journal !== undefined && sends.some(({ to }) => to === name) ? [subjects.journal(journal, name)] : [],
    ),
    ...importLines(imports),
  ]);
}

/**
 * Where the platform sends an instrument the commands that it accepts. No instrument can be called `platform`, so nobody
 * else is ever given these subjects.
 */
function platformMessages(instrument: BusInstrument): string[] {
  return uniqueSorted(instrument.accept, (command) => command).map((command) =>
    subjects.message(instrument.name, PLATFORM, command),
  );
}

/** Types that an instrument publishes; the platform's own stream has none here, since its user is in the same account. */
function eventTypes(instrument: BusInstrument): string[] {
  return instrument.name === PLATFORM ? [] : uniqueSorted(instrument.publish, (type) => type);
}

/** @param streams subjects that the platform may hear, and nobody else */
function exportLines(exports: readonly Export[], streams: readonly string[] = []): string[] {
  if (exports.length === 0) return [];
  return [
    'exports: [',
    ...streams.map((subject) => `  { stream: ${quote(subject)}, accounts: [${quote(PLATFORM_ACCOUNT)}] }`),
    ...exports.map(({ subject, to, streamed, wayBackMs: ms, journal }) => {
      const answers = `${streamed === true ? 'response_type: stream, ' : ''}response_threshold: "${String(ms / 1000)}s"`;
      const measured =
        journal === undefined ? '' : `, latency: { sampling: 100, subject: ${quote(journal)} }`;
      return `  { service: ${quote(subject)}, ${answers}, accounts: [${quote(to)}]${measured} }`;
    }),
    ']',
  ];
}

/** What reading through one consumer takes: ask, look at the consumer, acknowledge. */
function readImports(stream: string, consumer: string): Import[] {
  const account = PLATFORM_ACCOUNT;
  return [
    { account, subject: subjects.pull(stream, consumer), as: subjects.localPull(stream, consumer) },
    {
      account,
      subject: subjects.consumerInfo(stream, consumer),
      as: subjects.localConsumerInfo(stream, consumer),
    },
    { account, subject: subjects.acknowledge(stream, consumer) },
  ];
}

/** Who is commanded by somebody tells the platform of it, in the server's own words. */
function journals(model: BusModel, secret: string): Import[] {
  const recipients = uniqueSorted(sendRights(model), ({ to }) => to);
  return recipients.map(({ to }) => ({ account: accountName(to), subject: subjects.journal(secret, to) }));
}

function importLines(imports: readonly Import[], streams: readonly Import[] = []): string[] {
  if (imports.length === 0) return [];
  return [
    'imports: [',
    ...streams.map(
      ({ account, subject }) => `  { stream: { account: ${quote(account)}, subject: ${quote(subject)} } }`,
    ),
    ...imports.map(
      ({ account, subject, as }) =>
        `  { service: { account: ${quote(account)}, subject: ${quote(subject)} }${as === undefined ? '' : `, to: ${quote(as)}`} }`,
    ),
    ']',
  ];
}

function block(name: string, lines: readonly string[]): string {
  return [`  ${quote(name)} {`, ...lines.map((line) => `    ${line}`), '  }'].join('\n');
}

function list(values: readonly string[]): string {
  return `[${values.map(quote).join(', ')}]`;
}

/** Names and types are validated to a narrow alphabet; quoting keeps `$` from being read as a variable. */
function quote(value: string): string {
  return `"${value}"`;
}

function keyOf(keys: AccountKeys, instrument: string): string {
  const key = keys.instruments[instrument];
  if (key === undefined) throw new TypeError(`no public key for the instrument ${instrument}`);
  return key;
}
