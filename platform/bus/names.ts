import { PLATFORM } from '../contracts/index.ts';

/** Account of an instrument on the server; nothing else uses the prefix. */
export function accountName(instrument: string): string {
  return `I_${instrument}`;
}

/** The account that owns JetStream and every stream. */
export const PLATFORM_ACCOUNT = 'PLAT';

/** The account of server administration; only the platform has a user in it. */
export const SYSTEM_ACCOUNT = 'SYS';

/** Stream that stores the events of one instrument, or of the platform. Instrument names have no `_`: no two collide. */
export function streamName(instrument: string): string {
  return `S_${instrument.replaceAll('-', '_')}`;
}

/** The publisher whose events a stream stores; undefined for a stream that is not ours. */
export function publisherOf(stream: string): string | undefined {
  return stream.startsWith('S_') ? stream.slice(2).replaceAll('_', '-') : undefined;
}

/** Durable consumer through which `reader` reads one type of a stream. */
export function consumerName(reader: string, type: string): string {
  return `${reader}__${type.replaceAll('.', '_')}`;
}

/** Prefix of the consumer API inside a reader's account: what NATS clients say for the JetStream domain `platform`. */
export const READER_API = '$JS.platform.API';

/** Subjects of DESIGN §5. */
export const subjects = Object.freeze({
  event: (instrument: string, type: string) => `event.${instrument}.${type}`,
  events: (instrument: string) => `event.${instrument}.>`,
  message: (to: string, from: string, command: string) => `message.${to}.${from}.${command}`,
  messagesTo: (to: string) => `message.${to}.>`,
  control: (instrument: string, command: string) => `control.${instrument}.${command}`,
  controls: (instrument: string) => `control.${instrument}.>`,
  service: (instrument: string, service: string) => `platform.${instrument}.${service}`,
  /** Where the server tells how long commands to an instrument took, and what came of them. */
  journal: (secret: string, to: string) => `journal.${secret}.${to}.>`,
  journalEntry: (secret: string, to: string, from: string, command: string) =>
    `journal.${secret}.${to}.${from}.${command}`,
  inbox: (instrument: string) => `_INBOX.${instrument}.>`,
  pull: (stream: string, consumer: string) => `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
  consumerInfo: (stream: string, consumer: string) => `$JS.API.CONSUMER.INFO.${stream}.${consumer}`,
  /**
   * The same two as a reader says them. Every account answers `$JS.API.>` itself with "JetStream not enabled for
   * account", so an import under that name would get two answers, and which one comes first is chance.
   */
  localPull: (stream: string, consumer: string) => `${READER_API}.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
  localConsumerInfo: (stream: string, consumer: string) =>
    `${READER_API}.CONSUMER.INFO.${stream}.${consumer}`,
  /**
   * Where requests from other accounts are answered: the server makes such a subject for each, random, valid for one answer, and
   * only in the account of the one who was asked. So an instrument may publish there without a further bound.
   * (`allow_responses` is not used: a reload forgets which answers are due, and every request at work would be lost.)
   */
  answers: '_R_.>',
  acknowledge: (stream: string, consumer: string) => `$JS.ACK.${stream}.${consumer}.>`,
});

/** Name under which the platform's own user and its stream go. */
export const PLATFORM_PUBLISHER = PLATFORM;
