import { z } from 'zod';
import { NameSchema } from './names.ts';

/** Rights in their short textual form, as `bulkhead grants show` prints them, e.g. `send:suricata/ruleset.apply`. */
const RightTextSchema = z.string().min(1).max(400);

/** `POST /v1/grants/give` and `/v1/grants/revoke`. */
export const GrantChangeRequestSchema = z
  .strictObject({
    instrument: NameSchema,
    rights: z.array(RightTextSchema).max(512).default([]),
    /** Everything that it asks for, or everything that it was given. */
    all: z.boolean().default(false),
    author: z.string().max(500).default('unknown'),
    reason: z.string().max(5000).default(''),
  })
  .refine(({ rights, all }) => rights.length > 0 !== all, 'names rights, or all of them');
export type GrantChangeRequest = z.output<typeof GrantChangeRequestSchema>;

/** Since when a grant stands without interruption. */
export interface GrantOrigin {
  revision: number;
  author: string;
  /** ISO 8601. */
  time: string;
  reason: string;
}

/** One right of an instrument, asked for or granted. */
export interface GrantEntry {
  /** Short textual form; what `give` and `revoke` take. */
  right: string;
  /** One sentence for people. */
  words: string;
  /**
   * `granted`: in force. `asked`: the package asks for it and nobody gave it. `ineffective`: given, and without effect, since it
   * was not asked for or names something that is not there.
   */
  state: 'granted' | 'asked' | 'ineffective';
  /** Who gave it; absent for what was not given. */
  since?: GrantOrigin;
  /** Why it has no effect, or what else must be so. */
  note?: string;
}

/** When an instrument takes up its rights. What was taken away ends at once, whatever it says. */
export interface GrantEffect {
  state: 'now' | 'restart' | 'waiting' | 'not running';
  reason?: string;
}

/** What one instrument asks for and was given. */
export interface InstrumentGrants {
  instrument: string;
  package: string;
  /** Its package cannot be had, so nobody knows what it asks for. */
  problem?: string;
  /** Runs beside the configuration, by `bulkhead dev run`; what it was given there ends with it. */
  unverified?: true;
  rights: GrantEntry[];
  /** Asked for, of a package that no instrument runs; in words. */
  unanswered: string[];
  /** Commands that it takes from those who were given the right to send them. */
  accepts: string[];
  effect: GrantEffect;
}

/** `GET /v1/grants`. */
export interface GrantsReport {
  /** The revision of the configuration in force. */
  revision: number;
  instruments: InstrumentGrants[];
}

/** What came of giving or revoking. */
export interface GrantChangeResult {
  instrument: string;
  changed: boolean;
  /** The revision in force. */
  revision: number;
  /** What was given or taken away. */
  rights: string[];
  /** What was so already. */
  unchanged: string[];
  effect: GrantEffect;
  /** Milliseconds until the bus refused what was taken away. */
  endedAfterMs?: number;
}

/** One way on which something may pass. */
export interface GrantEdge {
  /** `internet` for what is downloaded, `people` for who opens a page. */
  from: string;
  /** An instrument, or a destination outside. */
  to: string;
  kind: 'events' | 'message' | 'delivery' | 'download' | 'egress' | 'fetch' | 'page';
  what: string;
  /** Why nothing passes although it may. */
  idle?: string;
}

/** `GET /v1/grants/matrix`: everything that is not listed is refused. */
export interface GrantsMatrix {
  revision: number;
  instruments: string[];
  edges: GrantEdge[];
}
