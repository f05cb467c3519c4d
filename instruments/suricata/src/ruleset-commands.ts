import {
  rulesetApply,
  rulesetJob,
  rulesetStatus,
  rulesetTest,
  type Instrument,
  type RulesetOrder,
  type RulesetStatus,
} from '@bulkhead/sdk';
import type { Engine } from './engine.ts';
import type { Exclusive } from './exclusive.ts';
import { readManaged, type ManagedRuleset } from './managed-ruleset.ts';
import type { Options } from './options.ts';
import { RuleRefusal } from './rule-refusal.ts';
import { JobError, RulesetJobs, type JobNews } from './ruleset-jobs.ts';
import type { Placed, Progress, RulesetKeeper } from './ruleset-keeper.ts';

/** What the commands need of the app. */
export interface RulesetCommandParts {
  instrument: Instrument;
  /** Whatever changes rules or the process takes its turn here. */
  work: Exclusive;
  engine: Pick<Engine, 'capturing' | 'reloading' | 'rulesetStats'>;
  /** Undefined until the instrument has started. */
  keeper: () => RulesetKeeper | undefined;
  options: () => Options;
  placed: () => Placed | undefined;
  /** Makes a managed ruleset live. @throws RuleRefusal what ran before goes on */
  apply: (managed: ManagedRuleset, progress: Progress, reloading: () => void) => Promise<void>;
}

/** Answers `ruleset.test`, `ruleset.apply`, `ruleset.job` and `ruleset.status`, as far as the manifest accepts them. */
export function answerRulesets(parts: RulesetCommandParts): void {
  const { instrument, work } = parts;
  const accepted = new Set(instrument.file.accept);
  const jobs = new RulesetJobs({
    run: (turn) => work.run(turn),
    ended: ({ kind, version, state, code, message }) => {
      const level = state === 'done' ? 'info' : 'error';
      instrument.log[level](`ruleset ${version}: ${kind} ${state}`, {
        ...(code === undefined ? {} : { code, reason: message }),
      });
    },
  });
  const managed = (order: RulesetOrder): Promise<ManagedRuleset> =>
    readManaged(instrument.resourcesDir, order, new Date());

  if (accepted.has(rulesetTest.name))
    instrument.handle(rulesetTest, ({ capture, ...order }, from) => {
      const keeper = ready(parts);
      instrument.log.info(`ruleset ${order.version}: a test was asked for`, { from });
      return jobs.begin('test', order.version, async (tell) => {
        const wanted = { options: parts.options(), managed: await managed(order) };
        const alerts = await keeper.test(wanted, capture, progressOf(tell));
        if (alerts !== undefined) tell({ alerts });
      });
    });
  if (accepted.has(rulesetApply.name))
    instrument.handle(rulesetApply, (order, from) => {
      ready(parts);
      instrument.log.info(`ruleset ${order.version}: to be applied`, { from });
      return jobs.begin('apply', order.version, async (tell) => {
        let began = performance.now();
        const reloading = (): void => {
          began = performance.now();
          tell({ state: 'reloading' });
        };
        await parts.apply(await managed(order), progressOf(tell), reloading);
        tell({ reloadSeconds: seconds(performance.now() - began) });
      });
    });
  if (accepted.has(rulesetJob.name)) instrument.handle(rulesetJob, ({ job }) => jobs.report(job));
  if (accepted.has(rulesetStatus.name)) instrument.handle(rulesetStatus, () => statusOf(parts));
}

function progressOf(tell: (news: JobNews) => void): Progress {
  return {
    counted: (ruleCount) => {
      tell({ ruleCount });
    },
    tested: (took) => {
      tell({ testSeconds: seconds(took * 1000) });
    },
  };
}

/** @throws JobError, RuleRefusal when no ruleset can be taken now */
function ready({ keeper, engine, options }: RulesetCommandParts): RulesetKeeper {
  const is = keeper();
  if (is === undefined || !engine.capturing) {
    throw new JobError('SURICATA_NOT_READY', 'Suricata does not run yet; ask again.');
  }
  if (!options().managedRules) {
    throw new RuleRefusal('SURICATA_MANAGED_OFF', 'This IDS takes no managed rules.');
  }
  return is;
}

async function statusOf({ engine, placed }: RulesetCommandParts): Promise<RulesetStatus> {
  const stats =
    engine.capturing && !engine.reloading ? await engine.rulesetStats().catch(() => undefined) : undefined;
  const { source, ruleset, refusal } = placed() ?? {};
  return {
    source: source ?? 'none',
    version: ruleset?.managed?.version ?? null,
    appliedAt: ruleset?.managed?.appliedAt ?? null,
    managed: ruleset?.managed !== undefined,
    digest: ruleset?.digest ?? '',
    files: ruleset === undefined ? [] : [...ruleset.files.keys()],
    rules: ruleset?.ruleCount ?? 0,
    loaded: stats?.loaded ?? 0,
    failed: stats?.failed ?? 0,
    lastReload: stats?.lastReload ?? null,
    refusal: refusal === undefined ? null : { code: refusal.code, message: refusal.message },
  };
}

function seconds(ms: number): number {
  return Math.round(ms) / 1000;
}
