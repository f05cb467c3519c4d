import { z } from 'zod';
import { describeError, type Logger } from '../../kernel/index.ts';
import { digestOf, type DesiredState } from '../desired.ts';
import type { BusRoom, ContainerState } from '../rooms.ts';
import { fetcherName, type DownloadJobs } from './jobs.ts';

/** How one download is, as the downloader says; only what is shown is looked at. */
const JobStateSchema = z.object({
  id: z.string().max(64),
  state: z.enum(['waiting', 'fetching', 'delivering', 'fresh', 'failed']),
  bytes: z.number().optional(),
  totalBytes: z.number().optional(),
  lastTry: z.iso.datetime().optional(),
  lastSuccess: z.iso.datetime().optional(),
  nextTry: z.iso.datetime().optional(),
  sha256: z.string().max(64).optional(),
  code: z.string().max(64).optional(),
  message: z.string().max(300).optional(),
  failures: z.number().int().min(0),
});
export type JobState = z.output<typeof JobStateSchema>;
const StatusSchema = z.object({ jobs: z.array(JobStateSchema).max(256) });

const SEND_MS = 5_000;
/** A downloader that refuses the list is not asked every second. */
const REFUSED_REST_MS = 30_000;

export interface JobSenderParts {
  log: Logger;
  bus: Pick<BusRoom, 'send'>;
  desired: () => DesiredState;
  containers: () => readonly ContainerState[];
  jobs: () => DownloadJobs;
}

/**
 * Sees to it that the downloader has the list that is in force, also after its own restarts.
 *
 * INVARIANTS: one look at a time; who asks meanwhile gets its end. `#taken` names the process and the list that it took; whatever differs from
 * that is sent, until it is taken.
 */
export class JobSender {
  readonly #parts: JobSenderParts;
  #taken: string | undefined;
  #looking: Promise<void> | undefined;
  #refusal: { key: string; text: string; until: number } | undefined;

  constructor(parts: JobSenderParts) {
    this.#parts = parts;
  }

  /** Why the downloader does not have the list, in words. */
  get fault(): string | undefined {
    return this.#refusal?.text;
  }

  async look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { bus, desired, containers, jobs, log } = this.#parts;
    const name = fetcherName(desired());
    const process = containers().find((one) => one.name === name && one.status === 'running');
    if (name === undefined || process === undefined) {
      this.#taken = undefined;
      return;
    }
    const list = jobs();
    const key = `${name} ${String(process.pid)} ${digestOf(list)}`;
    if (key === this.#taken) return;
    if (this.#refusal?.key === key && performance.now() < this.#refusal.until) return;
    try {
      const reply = await bus.send(name, 'download.jobs', list, SEND_MS);
      if (reply.ok) {
        this.#taken = key;
        this.#refusal = undefined;
        log.info({ downloader: name, jobs: list.jobs.length }, 'the downloader has the list of downloads');
        return;
      }
      const text = `${name} does not take the list of downloads: ${reply.message} (${reply.code})`;
      this.#refusal = { key, text, until: performance.now() + REFUSED_REST_MS };
      log.error({ code: reply.code }, text);
    } catch (error) {
      // It is starting, or the bus is: tried again with the next look.
      log.debug({ reason: describeError(error) }, `${name} was not given the list of downloads`);
    }
  }

  /** How the downloads are; undefined when the downloader does not say. */
  async states(): Promise<readonly JobState[] | undefined> {
    const name = fetcherName(this.#parts.desired());
    if (name === undefined) return undefined;
    try {
      const reply = await this.#parts.bus.send(name, 'download.status', {}, SEND_MS, {
        routine: true,
      });
      return reply.ok ? StatusSchema.parse(reply.result).jobs : undefined;
    } catch (error) {
      this.#parts.log.debug({ reason: describeError(error) }, `${name} did not say how its downloads are`);
      return undefined;
    }
  }
}
