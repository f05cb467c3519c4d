import type { Job, JobTarget, Stage } from '../../src/api-types.ts';
import { useLive } from '../live.tsx';
import { short } from '../text/format.ts';
import { Faults } from './faults.tsx';
import { Refusal, type Tone } from './notice.tsx';
import { Badge, Running, Time } from './small.tsx';

const STEPS: readonly (readonly [Stage, string])[] = [
  ['delivering', 'hand over'],
  ['testing', 'test'],
  ['applying', 'load'],
  ['confirming', 'confirm'],
  ['live', 'live'],
];
const KIND = { build: 'Building', deploy: 'Deploying', rollback: 'Rolling back' } as const;

/** The running job, on every page. */
export function JobBar() {
  const { overview } = useLive();
  const job = overview?.job;
  if (job === undefined || job.endedAt !== undefined) return null;
  return (
    <section class="card job" aria-label="Running job">
      <p class="job-title" role="status">
        <span class="spinner" aria-hidden="true" />
        {KIND[job.kind]}
        {job.version === undefined ? '' : ` version ${short(job.version)}`}
        {job.state === 'compiling' ? ', putting the rules together' : ''}
      </p>
      <p class="quiet">
        since <Running since={job.startedAt} />, by {job.author}
      </p>
      <JobTargets job={job} />
    </section>
  );
}

/** How far each IDS is. */
export function JobTargets({ job }: { job: Job }) {
  return (
    <ul class="targets">
      {job.targets.map((target) => (
        <li key={target.name}>
          <strong>{target.name}</strong>
          <Steps target={target} running={job.endedAt === undefined} />
          {target.code !== undefined && <Refusal code={target.code} message={target.message ?? ''} />}
          <Faults faults={target.faults ?? []} />
        </li>
      ))}
    </ul>
  );
}

function Steps({ target, running }: { target: JobTarget; running: boolean }) {
  if (target.stage === 'refused' || target.stage === 'failed') {
    return <Badge tone="bad">{target.stage}</Badge>;
  }
  const now = STEPS.findIndex(([stage]) => stage === target.stage);
  return (
    <ol class="steps">
      {STEPS.map(([stage, text], index) => {
        const state = index < now || target.stage === 'live' ? 'done' : index === now ? 'now' : 'ahead';
        const seconds =
          stage === 'testing' ? target.testSeconds : stage === 'applying' ? target.reloadSeconds : undefined;
        return (
          <li key={stage} class={state} aria-current={state === 'now' ? 'step' : undefined}>
            {text}
            {seconds !== undefined && ` ${seconds.toFixed(1)} s`}
            {state === 'now' && running && (
              <>
                {' '}
                <Running since={target.since} />
              </>
            )}
          </li>
        );
      })}
    </ol>
  );
}

const ENDED: Readonly<Record<Job['state'], Tone>> = {
  compiling: 'info',
  deploying: 'info',
  done: 'good',
  failed: 'bad',
  aborted: 'warn',
};

/** A job that ended, in one line. */
export function JobLine({ job }: { job: Job }) {
  return (
    <p>
      <Badge tone={ENDED[job.state]}>{job.state}</Badge> {job.kind}
      {job.version === undefined ? '' : ` of ${short(job.version)}`} by {job.author},{' '}
      <Time at={job.startedAt} />: {job.reason}
    </p>
  );
}
