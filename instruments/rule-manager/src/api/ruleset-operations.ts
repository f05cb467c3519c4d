import { PINNED } from '../deploy/builder.ts';
import type { TargetRecord } from '../deploy/job-store.ts';
import type { KeptVersion } from '../deploy/version-store.ts';
import { RulesError } from '../errors.ts';
import type { Desk, Operations } from './desk.ts';
import type { Job, Overview, RulesetVersion, Target } from './results.ts';

type Names =
  'overview' | 'ruleset.build' | 'ruleset.deploy' | 'ruleset.rollback' | 'versions.list' | 'jobs.list';

/** Rulesets: building, deploying, going back, and how all of it is. */
export function rulesetOperations(desk: Desk): Operations<Names> {
  const { versions, jobs, pipeline, builder, documents } = desk;
  return {
    overview: () => overviewOf(desk),
    'ruleset.build': async ({ force }, { author }) => {
      if (pipeline.job !== undefined) throw new RulesError('RULES_BUSY', 'A job is at work.');
      const version = await builder.keep(
        await builder.compile(),
        { author, reason: 'Built by hand.' },
        force,
      );
      return { version: shownVersion(version, jobs.targets()) };
    },
    'ruleset.deploy': ({ version, force, reason = 'Deployed by hand.' }, { author }) => {
      const job = begin(desk, version === undefined ? 'deploy' : 'rollback', {
        version,
        force,
        reason,
        author,
      });
      return { job };
    },
    'ruleset.rollback': ({ version, reason }, { author }) => {
      const wanted = version ?? versions.list().find(({ state }) => state === 'was-live')?.id;
      if (wanted === undefined) {
        throw new RulesError('RULES_UNKNOWN', 'There is no version that was live before.');
      }
      return { job: begin(desk, 'rollback', { version: wanted, force: true, reason, author }) };
    },
    'versions.list': () => {
      const pinned = jobs.fact(PINNED);
      const targets = jobs.targets();
      return {
        versions: versions.list().map((version) => shownVersion(version, targets)),
        ...(pinned === undefined ? {} : { pinned }),
      };
    },
    'jobs.list': ({ limit }) => ({ jobs: jobs.list(limit) }),
  };

  function begin(
    { granted }: Desk,
    kind: Job['kind'],
    order: { version: string | undefined; force: boolean; reason: string; author: string },
  ): Job {
    const targets = granted()
      .filter(({ missing }) => missing.length === 0)
      .map(({ name }) => name);
    if (pipeline.job === undefined) {
      // A person's word is a new chance for what was refused.
      for (const name of targets) {
        const { refusedVersion: _refused, ...target } = jobs.target(name);
        jobs.putTarget({ ...target, failures: 0, notBeforeMs: 0 });
      }
      if (order.version === undefined) jobs.clearExclusions();
    }
    const job = pipeline.start({ kind, ...order, targets });
    const before = jobs.fact(PINNED);
    jobs.putFact(PINNED, order.version);
    if (before !== order.version) {
      documents.note({
        author: order.author,
        reason: order.reason,
        action: order.version === undefined ? 'deploy' : 'rollback',
        kind: 'ruleset',
        subject: order.version ?? 'wanted',
      });
    }
    return job;
  }
}

function overviewOf(desk: Desk): Overview {
  const { documents, jobs, reconciler, pipeline } = desk;
  const { sensor, groups } = desk.place();
  const { state, detail } = desk.health();
  const { wanted, deploysAtMs } = reconciler;
  const pinned = jobs.fact(PINNED);
  const targets = jobs.targets();
  const alerts = desk.alerts();
  const span = alerts?.span();
  const sources = documents.list('source');
  const all = sources.reduce((sum, { body }) => sum + desk.sources.counts(body.name).all, 0);
  const [last] = jobs.list(1);
  const job = pipeline.job ?? last;
  return {
    sensor,
    instrument: desk.instrument,
    groups: [...groups],
    generation: desk.generation(),
    health: { state, ...(detail === undefined ? {} : { detail }) },
    sources: sources.length,
    rules: { all, enabled: wanted?.enabled ?? 0 },
    documents: documents.counts(),
    ...(wanted === undefined ? {} : { wanted }),
    pending:
      wanted !== undefined && wanted.enabled > 0 && targets.some(({ version }) => version !== wanted.version),
    ...(pinned === undefined ? {} : { pinned }),
    ...(deploysAtMs === undefined ? {} : { deploysAt: new Date(deploysAtMs).toISOString() }),
    targets: targets.map(shownTarget),
    ...(job === undefined ? {} : { job }),
    alerts: {
      recorded: alerts?.rows ?? 0,
      ...(span === undefined ? {} : { oldest: new Date(span.oldest).toISOString() }),
      days: desk.options().alertDays,
    },
  };
}

function shownTarget(record: TargetRecord): Target {
  const {
    delivered: _files,
    failures: _failures,
    notBeforeMs: _time,
    refusedVersion: _refused,
    ...target
  } = record;
  return target;
}

function shownVersion(kept: KeptVersion, targets: readonly TargetRecord[]): RulesetVersion {
  const { variables: _variables, ...version } = kept;
  const liveOn = targets.filter((target) => target.version === version.id).map(({ name }) => name);
  return { ...version, liveOn };
}
