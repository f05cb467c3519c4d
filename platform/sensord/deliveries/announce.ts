import { z } from 'zod';
import { describeError, BulkheadError, type Logger } from '../../kernel/index.ts';

/** With the copy it must stay below what an asker waits for (BUS: services). */
const ANNOUNCE_MS = 30_000;

/** What a receiver says to new files; bounded, as it goes on to the sender. */
const ChangeReplySchema = z.union([
  z.object({ ok: z.literal(true), detail: z.string().optional() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
export type ChangeReply = z.output<typeof ChangeReplySchema>;

/**
 * Tells a running instrument that its resources changed. That it does not answer is an answer too: the file is there, and it
 * finds it at its next start.
 */
export async function announce(
  bus: { request: (to: string, command: string, payload: unknown, timeoutMs: number) => Promise<unknown> },
  to: string,
  log: Logger,
): Promise<ChangeReply> {
  try {
    const reply = ChangeReplySchema.parse(await bus.request(to, 'resources', {}, ANNOUNCE_MS));
    if (!reply.ok) return { ok: false, code: reply.code.slice(0, 64), message: reply.message.slice(0, 300) };
    return reply.detail === undefined ? { ok: true } : { ok: true, detail: reply.detail.slice(0, 300) };
  } catch (error) {
    log.warn({ err: error, to }, `could not tell ${to} of a new file: ${describeError(error)}`);
    const code = error instanceof BulkheadError ? error.code : 'BUS_REPLY_INVALID';
    return { ok: false, code, message: `${to} did not answer; it finds the file when it starts.` };
  }
}
