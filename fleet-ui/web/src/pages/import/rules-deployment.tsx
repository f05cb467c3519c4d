import type { ImportTarget, RulesJob, RulesPlanReply } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { deployRules, discardRules, isAtWork, jobQuery, planRules } from '../../api/imports.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Problem } from '../../components/problem.tsx';
import { counted } from '../../text/number-words.ts';
import { clockTime } from '../../text/time-words.ts';
import { Faults } from './faults.tsx';

/** From a source that is off to one that is live, or gone again. */
export function RulesDeployment({
  target,
  name,
  reason,
  onAgain,
}: {
  target: ImportTarget;
  name: string;
  reason: string;
  onAgain: () => void;
}) {
  const queries = useQueryClient();
  const [isBegun, setBegun] = useState(false);
  const step = { name, reason };
  const plan = useMutation({ mutationFn: () => planRules(target, step) });
  const deploy = useMutation({
    mutationFn: () => deployRules(target, step),
    onSuccess: async ({ outcome }) => {
      if (outcome === 'refused') return;
      await queries.invalidateQueries({ queryKey: ['imports', 'job'] });
      setBegun(true);
    },
  });
  const discard = useMutation({ mutationFn: () => discardRules(target, step), onSuccess: onAgain });
  const planned = plan.data?.outcome === 'planned' ? plan.data : undefined;
  const error = plan.error ?? deploy.error ?? discard.error;
  return (
    <div className="card stack">
      {planned !== undefined && <Planned plan={planned} />}
      {plan.data?.outcome === 'refused' && (
        <Faults refused={plan.data} what="No ruleset can be made with these rules." />
      )}
      {deploy.data?.outcome === 'refused' && <Faults refused={deploy.data} what="It is not deployed." />}
      {isBegun && <Job target={target} />}
      {error !== null && <Problem error={error} />}
      <div className="actions end">
        {!isBegun && (
          <Button variant="default" loading={discard.isPending} onClick={() => discard.mutate()}>
            Take the source away again
          </Button>
        )}
        {planned === undefined ? (
          <Button loading={plan.isPending} onClick={() => plan.mutate()}>
            Switch it on and show what changes
          </Button>
        ) : isBegun ? (
          <Button variant="default" onClick={onAgain}>
            Import another file
          </Button>
        ) : (
          <Button loading={deploy.isPending} onClick={() => deploy.mutate()}>
            Test and deploy now
          </Button>
        )}
      </div>
    </div>
  );
}

function Planned({ plan }: { plan: Extract<RulesPlanReply, { outcome: 'planned' }> }) {
  return (
    <div role="status">
      <p>
        <strong>With it the ruleset has {counted(plan.rules, 'rule')}:</strong>{' '}
        {plan.added.toLocaleString('en')} added, {plan.removed.toLocaleString('en')} removed,{' '}
        {plan.changed.toLocaleString('en')} changed against what is live.
      </p>
      {plan.notes.length > 0 && (
        <ul>
          {plan.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {plan.deploysAt !== undefined && (
        <p>
          The rule manager deploys it by itself at {clockTime(plan.deploysAt)}, unless you take the source
          away before.
        </p>
      )}
      <p>The IDS tests every ruleset before it takes it; one that it refuses leaves what runs as it is.</p>
    </div>
  );
}

const TONES: Readonly<Record<string, Tone>> = { live: 'good', refused: 'bad', failed: 'bad' };

function Job({ target }: { target: ImportTarget }) {
  const { data, error } = useQuery(jobQuery(target, true));
  if (error !== null) return <Problem error={error} />;
  const { job } = data ?? {};
  if (job === undefined) return null;
  return (
    <div role="status">
      <p>
        <strong>{jobWords(job)}</strong> {job.message}
      </p>
      <ul>
        {job.targets.map(({ name, stage, message, faults }) => (
          <li key={name}>
            {name} <Badge tone={TONES[stage] ?? 'idle'}>{stage}</Badge> {message}
            {faults.length > 0 && <Faults refused={{ faults, message: '', code: '' }} what="Refused:" />}
          </li>
        ))}
      </ul>
    </div>
  );
}

function jobWords(job: RulesJob): string {
  if (isAtWork(job)) return 'It is being tested and taken.';
  return job.state === 'done' ? 'Done.' : `It ended as: ${job.state}.`;
}
