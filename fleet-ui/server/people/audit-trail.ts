import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AuditEntry } from '@bulkhead/fleet-api';
import type { AuditLine, AuditLog } from './audit.ts';
import { isRead } from './guard.ts';
import type { Identity } from './identity.ts';

/** Refusals of nobody in particular that are written down in a minute; the others are counted. */
const ANONYMOUS_MOST = 60;
const MINUTE_MS = 60_000;
/** Pages ask again and again; that somebody looks at the same thing is written down once in this time. */
const SAME_LOOK_MS = 10 * MINUTE_MS;
const LOOKS_MOST = 10_000;

/** Of a request, what is written down. */
type Audited = Pick<FastifyRequest, 'method' | 'ip' | 'params' | 'routeOptions' | 'audited'> & {
  person?: Pick<Identity, 'id' | 'name'> & { by?: string };
};

/**
 * Writes down what was asked for through the API: every change, and the reading that its route calls sensitive.
 *
 * INVARIANTS: a line is in the log before the answer that it is about leaves. Strangers cannot fill the log: their refusals are
 * limited, and what was left out is counted in it. That somebody reads the same thing for a while is one line; what takes a copy
 * away (`….export`) is one each time.
 */
export class AuditTrail {
  readonly #log: AuditLog;
  readonly #clock: () => number;
  readonly #written = new WeakSet();
  /** What was looked at, and when that was written down; the oldest first. */
  readonly #looks = new Map<string, number>();
  #minute = 0;
  #anonymous = 0;
  #leftOut = 0;

  constructor(log: AuditLog, clock: () => number) {
    this.#log = log;
    this.#clock = clock;
  }

  /**
   * Once for each request, however often it is called.
   * @param body of the answer, if it is text: says the code of a refusal
   */
  answered(request: Audited & object, reply: Pick<FastifyReply, 'statusCode'>, body: unknown): void {
    const { right, audit } = request.routeOptions.config;
    if (right === undefined || (audit === undefined && isRead(request.method))) return;
    if (this.#written.has(request)) return;
    this.#written.add(request);
    const line = lineOf(request, reply.statusCode, body);
    // Whose account somebody tries says nothing of who it is.
    if (request.person === undefined && line.outcome !== 'done' && !this.#admit()) return;
    if (isRead(request.method) && line.outcome === 'done' && this.#looksStill(line)) return;
    this.#log.write(line);
  }

  /** Writes a line that no route stands for. */
  write(line: AuditLine): void {
    if (line.person?.id === null && line.outcome !== undefined && line.outcome !== 'done' && !this.#admit())
      return;
    this.#log.write(line);
  }

  #looksStill({ person, by, action, target }: AuditLine): boolean {
    if (action.endsWith('.export')) return false;
    const look = JSON.stringify([person?.id, by, action, target]);
    const now = this.#clock();
    const before = this.#looks.get(look);
    if (before !== undefined && now - before < SAME_LOOK_MS) return true;
    this.#looks.delete(look);
    this.#looks.set(look, now);
    const [oldest] = this.#looks.keys();
    if (this.#looks.size > LOOKS_MOST && oldest !== undefined) this.#looks.delete(oldest);
    return false;
  }

  #admit(): boolean {
    const minute = Math.floor(this.#clock() / MINUTE_MS);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#anonymous = 0;
      this.tell();
    }
    this.#anonymous++;
    if (this.#anonymous <= ANONYMOUS_MOST) return true;
    this.#leftOut++;
    return false;
  }

  /** Writes down how many were left out, if any. */
  tell(): void {
    if (this.#leftOut === 0) return;
    this.#log.write({ action: 'audit.left-out', facts: { refusalsOfStrangers: this.#leftOut } });
    this.#leftOut = 0;
  }
}

function lineOf(request: Audited, status: number, body: unknown): AuditLine {
  const { config, url } = request.routeOptions;
  const outcome: AuditEntry['outcome'] = status < 400 ? 'done' : status < 500 ? 'refused' : 'failed';
  const { audited, person } = request;
  const who = person ?? audited?.person;
  return {
    person: who === undefined ? { id: null, name: 'nobody' } : { id: who.id, name: who.name },
    by: person?.by ?? (outcome === 'done' && audited?.person !== undefined ? 'session' : 'none'),
    action: config.audit ?? `${request.method} ${url ?? ''}`,
    target: audited?.target ?? Object.values(request.params as Record<string, string>).join(' '),
    address: request.ip,
    outcome,
    code: outcome === 'done' ? undefined : codeOf(body),
    facts: audited?.facts ?? {},
  };
}

function codeOf(body: unknown): string | undefined {
  if (typeof body !== 'string' || body.length > 65_536) return undefined;
  try {
    const { code } = JSON.parse(body) as { code?: unknown };
    return typeof code === 'string' ? code : undefined;
  } catch {
    return undefined;
  }
}
