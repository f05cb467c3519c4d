import type { SensorClient } from '@bulkhead/platform/cli';
import type { StoredEvent } from '@bulkhead/platform/contracts';
import { describeAlert } from '@bulkhead/platform/events';
import { BulkheadError, hasCode, waitFor } from '@bulkhead/platform/kernel';
import { LAB_RULES, type AttackName, type RuleSource } from '../lab/index.ts';
import { LAB_SOURCES } from './lab-config.ts';
import { openRuleDesk, type DeployGlance, type RuleDesk, type SourceGlance } from './rule-desk.ts';

/** What the chain needs. */
export interface ChainParts {
  client: SensorClient;
  /** Socket of the rule manager's page. */
  pageSocket: string;
  source: RuleSource;
  attack: (kind: AttackName) => Promise<void>;
  timeoutMs: number;
  signal: AbortSignal;
}

/** What came of it. */
export interface ChainReport {
  /** Id of the ruleset that went live. */
  version: string;
  /** Alert of a rule that was fetched, and the names of its addresses. */
  alert: StoredEvent;
  names: StoredEvent;
}

/** Runs one part of the chain, with its name; shows it and keeps its result. */
export type ChainStage = <T>(
  name: string,
  title: string,
  work: (progress: (text: string) => void) => Promise<T>,
) => Promise<T>;

/** How many parts it has. */
export const CHAIN_STAGES = 4;

const POLL_MS = 500;

/**
 * Rule source → downloader → rule manager → IDS → alert → names from passive DNS. What an operator does on the rule manager's page is
 * done here: the catalogue is added, the source in it chosen, the ruleset deployed.
 */
export async function runChain(parts: ChainParts, stage: ChainStage): Promise<ChainReport> {
  const desk = openRuleDesk(parts.pageSocket);
  try {
    await stage('rules-fetched', 'Fetching rules through the downloader', (progress) =>
      fetchRules(parts, desk, progress),
    );
    const version = await stage('rules-live', 'Having the IDS test them and take them live', (progress) =>
      deploy(parts, desk, progress),
    );
    const alert = await stage('fetched-alert', 'Waiting for an alert of a fetched rule', async (progress) => {
      const event = await alertOf(parts, LAB_RULES.commandAndControl);
      progress(describeAlert(event));
      return event;
    });
    const names = await stage('alert-names', 'Waiting for its names from passive DNS', async (progress) => {
      const event = await storedEvent(parts, 'alert.names', ({ record }) => record['cites'] === alert.id);
      progress(namesIn(event));
      return event;
    });
    return { version, alert, names };
  } finally {
    await desk.close();
  }
}

async function fetchRules(
  parts: ChainParts,
  desk: RuleDesk,
  progress: (text: string) => void,
): Promise<void> {
  const { source } = parts;
  const { index, rules } = LAB_SOURCES;
  const add = async (name: string, origin: unknown): Promise<void> => {
    await until(parts, 'the rule manager to answer', () =>
      desk
        .ask('source.add', { name, origin, everyS: 60, maxMib: 4, reason: 'the lab' })
        .catch((error: unknown) => {
          if (hasCode(error, 'START_RULES_REFUSED') && codeOf(error) !== 'RULES_EXISTS') throw error;
          return hasCode(error, 'START_RULES_REFUSED'); // else its page is not reachable yet
        }),
    );
  };
  await add(index, { type: 'index', url: source.indexUrl });
  await fetched(parts, desk, index);
  progress(`the catalogue ${source.indexUrl} is read`);
  await add(rules, { type: 'catalogue', index, entry: 'lab/rules' });
  const { rules: count } = await fetched(parts, desk, rules);
  progress(`${source.archiveUrl}: ${String(count.all)} rules`);
}

/** Waits until the file of a source is there and read. */
async function fetched(parts: ChainParts, desk: RuleDesk, name: string): Promise<SourceGlance> {
  let asked = false;
  return until(parts, `the file of the source ${name}`, async () => {
    const { sources } = await desk.ask<{ sources: SourceGlance[] }>('sources.list', {});
    const one = sources.find((candidate) => candidate.name === name);
    if (one?.state === 'refused')
      throw notLive(
        `the file of the source ${name} is refused: ${one.refused?.message ?? 'no reason given'}`,
      );
    if (one?.state === 'good') return one;
    if (!asked && one?.download?.state === 'approved') {
      asked = true;
      // Else it would be looked at when its time comes.
      const wish = { instrument: 'rule-manager', name: `source-${name}` };
      await parts.client.post('/downloads/now', wish).catch(() => undefined);
    }
    return undefined;
  });
}

/** Deploys and waits for the end. @returns the version */
async function deploy(parts: ChainParts, desk: RuleDesk, progress: (text: string) => void): Promise<string> {
  const begun = await until(parts, 'the rule manager to begin', () =>
    desk.ask<{ job: DeployGlance }>('ruleset.deploy', { reason: 'the lab' }).catch((error: unknown) => {
      if (codeOf(error) === 'RULES_BUSY') return undefined; // it deploys by itself just now
      throw error;
    }),
  );
  const said = new Set<string>();
  return until(parts, 'the deployment to end', async () => {
    const { jobs } = await desk.ask<{ jobs: DeployGlance[] }>('jobs.list', { limit: 10 });
    const job = jobs.find(({ id }) => id === begun.job.id);
    for (const { name, stage } of job?.targets ?? []) {
      const line = `${name}: ${stage}`;
      if (!said.has(line)) progress(line);
      said.add(line);
    }
    if (job?.state === 'failed' || job?.state === 'aborted')
      throw notLive(job.message ?? job.targets.find(({ message }) => message)?.message ?? job.state);
    return job?.state === 'done' ? (job.version ?? 'unknown') : undefined;
  });
}

/** Attacks until the alert of a signature is stored. */
async function alertOf(parts: ChainParts, sid: number): Promise<StoredEvent> {
  const over = new AbortController();
  const attacking = (async () => {
    // The name first: an answer that was seen is what names the address later.
    for (const kind of ['dns-bad-name', 'tls-bad-sni'] as const) {
      if (!over.signal.aborted) await parts.attack(kind).catch(() => undefined);
    }
  })();
  try {
    return await storedEvent(parts, 'alert', ({ record }) => signatureOf(record) === sid);
  } finally {
    over.abort();
    await attacking;
  }
}

async function storedEvent(
  { client, signal, timeoutMs }: ChainParts,
  type: string,
  fits: (event: StoredEvent) => boolean,
): Promise<StoredEvent> {
  const late = AbortSignal.timeout(timeoutMs);
  const query = { type, since: new Date(0).toISOString(), follow: '1' };
  try {
    for await (const event of client.events(query, AbortSignal.any([late, signal]))) {
      if (fits(event)) return event;
    }
  } catch (error) {
    if (!late.aborted) throw error;
  }
  throw notLive(`no fitting event of type ${type} within ${String(timeoutMs / 1000)} s`);
}

function until<T>(
  { signal, timeoutMs }: ChainParts,
  what: string,
  look: () => Promise<T | undefined | false>,
): Promise<T> {
  return waitFor(what, timeoutMs, look, { intervalMs: POLL_MS, signal });
}

function signatureOf(record: Record<string, unknown>): unknown {
  return (record['alert'] as { signature_id?: unknown } | undefined)?.signature_id;
}

function namesIn({ record }: StoredEvent): string {
  return ['src_ip', 'dest_ip']
    .flatMap((field) => (record[field] ?? []) as { rrname: string }[])
    .map(({ rrname }) => rrname)
    .join(', ');
}

function codeOf(error: unknown): unknown {
  return error instanceof BulkheadError ? error.fields['code'] : undefined;
}

function notLive(why: string): BulkheadError {
  return new BulkheadError({
    code: 'START_CHAIN_FAILED',
    message: `The chain from the rule source to a named alert is broken: ${why}.`,
    hint: 'Look at `bulkhead downloads list`, `bulkhead logs rule-manager` and `bulkhead logs suricata`.',
  });
}
