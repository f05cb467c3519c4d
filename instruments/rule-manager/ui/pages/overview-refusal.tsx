import type { Job, RulesetVersion } from '../../src/api-types.ts';
import { Faults } from '../parts/faults.tsx';
import { JobTargets } from '../parts/job.tsx';
import { Notice, Refusal } from '../parts/notice.tsx';
import { Time } from '../parts/small.tsx';
import { short } from '../text/format.ts';

/** What was refused last, unless something newer went live: where, why, and what to do. */
export function LastRefusal({
  versions,
  jobs,
}: {
  versions: readonly RulesetVersion[];
  jobs: readonly Job[];
}) {
  const newest = [...versions].sort((a, b) => Date.parse(b.time) - Date.parse(a.time))[0];
  const failed = jobs[0]?.state === 'failed' || jobs[0]?.state === 'aborted' ? jobs[0] : undefined;
  const refused = newest?.state === 'refused' ? newest : undefined;
  if (refused === undefined && failed === undefined) return null;
  const time = refused?.time ?? failed?.startedAt ?? '';
  const code = refused?.code ?? failed?.code;
  return (
    <Notice tone="bad" title={titleOf(refused, failed)}>
      <p class="quiet">
        <Time at={time} />
      </p>
      {code !== undefined && <Refusal code={code} message={refused?.message ?? failed?.message ?? ''} />}
      {refused !== undefined && refused.faults.length > 0 ? (
        <Faults faults={refused.faults} />
      ) : (
        failed !== undefined && <JobTargets job={failed} />
      )}
      <p>What was live before is still live.</p>
    </Notice>
  );
}

function titleOf(refused: RulesetVersion | undefined, failed: Job | undefined): string {
  if (refused !== undefined) return `Version ${short(refused.id)} was refused.`;
  const version = failed?.version === undefined ? 'The last ruleset' : `Version ${short(failed.version)}`;
  return failed?.state === 'aborted'
    ? `${version} was interrupted on its way.`
    : `${version} did not go live.`;
}
