import type { NatsConnection } from '@nats-io/transport-node';
import { notPermitted } from './errors.ts';
import type { InstrumentFile } from './instrument-file.ts';
import { LIMITS } from './protocol.ts';
import { request } from './requests.ts';
import { checked, untyped, type Command } from './typed-command.ts';

/** A command to another instrument; the deadline is the command's own unless `timeoutMs` says otherwise. */
export interface CommandCall {
  to: string;
  command: Command | string;
  payload: unknown;
  timeoutMs?: number;
}

/** Sends one command and waits for its reply; see {@link Instrument.send}. */
export async function sendCommand(
  connection: NatsConnection,
  file: InstrumentFile,
  { to, command, payload, timeoutMs }: CommandCall,
): Promise<unknown> {
  const { name } = file;
  const typed = typeof command === 'string' ? undefined : command;
  const bounds = typeof command === 'string' ? untyped(command) : command;
  const subject = `message.${to}.${name}.${bounds.name}`;
  if (!file.send.some((send) => send.to === to && send.command === bounds.name))
    throw notPermitted(name, 'send', subject);
  const fields = { instrument: name, operation: 'send', subject };
  if (typed !== undefined)
    checked(typed.request, payload, {
      code: 'BUS_PAYLOAD_INVALID',
      what: `The request on ${subject}`,
      fields,
    });
  const reply = await request(
    connection,
    {
      ...{ from: name, to, operation: 'send', subject, payload },
      ...{ maxBytes: bounds.maxRequestBytes, timeoutMs: timeoutMs ?? bounds.timeoutMs },
    },
    () => 'BUS_COMMAND_FAILED',
  );
  if (typed === undefined) return reply;
  return checked(typed.reply, reply, { code: 'BUS_REPLY_INVALID', what: `The reply on ${subject}`, fields });
}

/** Asks a service of the platform; see {@link Instrument.ask}. */
export async function askPlatform(
  connection: NatsConnection,
  file: InstrumentFile,
  { service, payload, timeoutMs }: { service: string; payload: unknown; timeoutMs?: number },
): Promise<unknown> {
  const { name } = file;
  const subject = `platform.${name}.${service}`;
  if (!file.services.includes(service)) throw notPermitted(name, 'ask', subject);
  return request(
    connection,
    {
      ...{ from: name, to: 'the platform', operation: 'ask', subject, payload },
      ...{ maxBytes: LIMITS.serviceBytes, timeoutMs: timeoutMs ?? LIMITS.commandMs },
    },
    (reason) => (reason === 'BUS_SERVICE_BUSY' ? 'BUS_SERVICE_BUSY' : 'BUS_SERVICE_REFUSED'),
  );
}
