import { setTimeout as sleep } from 'node:timers/promises';
import type { RulesetJob, RulesetVariables } from '@bulkhead/sdk';
import type { Fault, JobTarget } from '../api/results.ts';
import { RulesError, saidBy } from '../errors.ts';
import type { Ids } from './ids.ts';
import type { OutboxFile } from './outbox.ts';

/** A version as it goes to an IDS. */
export interface Order {
  version: string;
  rules: OutboxFile;
  thresholds: OutboxFile | undefined;
  variables: RulesetVariables;
  /** Recorded traffic that it is tried on, and rules that must alert on it. */
  capture: OutboxFile | undefined;
  mustAlert: readonly number[];
}

export interface DeployOptions {
  ids: Ids;
  order: Order;
  /** Files that are taken away when the new ones are handed over. */
  remove: readonly string[];
  tell: (stage: JobTarget['stage'], more?: Partial<JobTarget>) => void;
  /** Called with each file that was handed over. */
  delivered: (file: string) => void;
  signal: AbortSignal;
  /** How long a test or a reload may take. */
  maxMs: number;
  pollMs?: number;
}

/** How it went with one IDS. `refused`: the ruleset's fault, so it is not tried again; `failed`: something else's. */
export type Outcome =
  | { state: 'live'; captureAlerts?: { sid: number; count: number }[]; ruleCount: number }
  | {
      state: 'refused' | 'failed';
      code: string;
      message: string;
      faults: Fault[];
      captureAlerts?: { sid: number; count: number }[];
    };

/** Polls after this many failed ones give up: the IDS is gone. */
const MOST_SILENT = 20;

/** Names of a version's files at the IDS. */
export function filesOf(version: string): { rules: string; thresholds: string } {
  return { rules: `ruleset-${version}.rules`, thresholds: `ruleset-${version}.threshold` };
}

/**
 * Hands one version to one IDS, has it tested and made live, and asks whether it is. Never throws; what ran before goes on
 * unless the outcome is `live`.
 */
export async function deployOne(options: DeployOptions): Promise<Outcome> {
  const { ids, order, tell } = options;
  try {
    tell('delivering');
    const ruleset = await deliver(options);
    tell('testing');
    const capture = order.capture === undefined ? undefined : captureOf(order.capture);
    const tested = await finish(
      options,
      await ids.test({ ...ruleset, ...(capture === undefined ? {} : { capture }) }),
    );
    const captureAlerts = tested.alerts === undefined ? {} : { captureAlerts: tested.alerts };
    if (tested.state === 'failed') return { ...failure(tested), ...captureAlerts };
    const missed = order.capture === undefined ? [] : missedBy(order.mustAlert, tested);
    if (missed.length > 0) {
      const what = `The recorded traffic no longer raises sid ${missed.slice(0, 20).join(', ')}.`;
      return { ...refusal(new RulesError('RULES_CAPTURE_MISSED', what)), ...captureAlerts };
    }
    tell('applying', seconds(tested));
    const applied = await finish(options, await ids.apply(ruleset));
    if (applied.state === 'failed') return { ...failure(applied), ...captureAlerts };
    tell('confirming', { ...seconds(tested), ...seconds(applied) });
    const status = await ids.status();
    if (status.version !== order.version) {
      const runs = status.version ?? 'rules of its own';
      throw new RulesError(
        'RULES_NOT_CONFIRMED',
        `${ids.name} says that it runs ${runs}, not ${order.version}.`,
      );
    }
    tell('live', { ...seconds(tested), ...seconds(applied) });
    return { state: 'live', ...captureAlerts, ruleCount: status.rules };
  } catch (error) {
    return { state: 'failed', faults: [], ...saidBy(error) };
  }
}

async function deliver({ ids, order, remove, delivered }: DeployOptions) {
  const names = filesOf(order.version);
  await ids.deliver(order.rules, names.rules, remove);
  delivered(names.rules);
  if (order.thresholds !== undefined) {
    await ids.deliver(order.thresholds, names.thresholds, []);
    delivered(names.thresholds);
  }
  if (order.capture !== undefined) {
    const { file } = captureOf(order.capture);
    await ids.deliver(order.capture, file, []);
    delivered(file);
  }
  return {
    version: order.version,
    rules: { file: names.rules, sha256: order.rules.sha256 },
    ...(order.thresholds === undefined
      ? {}
      : { thresholds: { file: names.thresholds, sha256: order.thresholds.sha256 } }),
    ...(Object.keys(order.variables).length === 0 ? {} : { variables: order.variables }),
  };
}

function captureOf({ sha256 }: OutboxFile): { file: string; sha256: string } {
  return { file: `ruleset-capture-${sha256.slice(0, 16)}.pcap`, sha256 };
}

/** Waits for the end of a job at the IDS, over short silences. @throws RulesError, InstrumentError */
async function finish({ ids, signal, maxMs, pollMs = 500 }: DeployOptions, job: string): Promise<RulesetJob> {
  const until = performance.now() + maxMs;
  let silent = 0;
  for (;;) {
    await sleep(pollMs, undefined, { signal });
    try {
      const report = await ids.job(job);
      if (report.state === 'done' || report.state === 'failed') return report;
      silent = 0;
    } catch (error) {
      const { code } = saidBy(error);
      const mayPass = code === 'BUS_TIMEOUT' || code === 'BUS_NO_RESPONDER';
      silent += 1;
      if (!mayPass || silent >= MOST_SILENT) throw error;
    }
    if (performance.now() > until) {
      const what = `${ids.name} is not done after ${String(Math.round(maxMs / 60_000))} minutes.`;
      throw new RulesError('RULES_TARGET_FAILED', what);
    }
  }
}

/** What an IDS says about rules will not change by trying again; what it says about itself or a file may. */
function failure(job: RulesetJob): Exclude<Outcome, { state: 'live' }> {
  const { code = 'RULES_TARGET_FAILED', message = 'The IDS gave no reason.', faults = [] } = job;
  const concernsRules = /_(?:RULES|THRESHOLDS|CAPTURE)_(?!UNREADABLE|DIGEST)/.test(code);
  return { state: concernsRules ? 'refused' : 'failed', code, message, faults };
}

function refusal(error: RulesError): Exclude<Outcome, { state: 'live' }> {
  return { state: 'refused', faults: [], ...saidBy(error) };
}

function missedBy(wanted: readonly number[], { alerts = [] }: RulesetJob): number[] {
  return wanted.filter((sid) => !alerts.some((alert) => alert.sid === sid));
}

function seconds({ testSeconds, reloadSeconds }: RulesetJob): Partial<JobTarget> {
  return {
    ...(testSeconds === undefined ? {} : { testSeconds }),
    ...(reloadSeconds === undefined ? {} : { reloadSeconds }),
  };
}
