import type { ChannelView } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { channelsQuery, removeChannel, testChannel } from '../../api/settings.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Confirm } from '../../components/confirm.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { ChannelDialog } from './channel-dialog.tsx';
import { destinationWords, KINDS, tellsWords } from './channel-form.ts';

/** One channel: where it leads, how it fares, and a button that tries it. */
export function ChannelCard({ channel }: { channel: ChannelView }) {
  const [open, setOpen] = useState<'none' | 'change' | 'remove'>('none');
  const queries = useQueryClient();
  const trying = useMutation({
    mutationFn: () => testChannel(channel.id),
    onSettled: () => queries.invalidateQueries({ queryKey: channelsQuery.queryKey }),
  });
  const [tone, word] = standing(channel);
  const { label, health, target } = channel;
  const close = () => setOpen('none');
  return (
    <>
      <div className="channel-head">
        <h3>{label}</h3>
        <span className="quiet">{KINDS.find(({ value }) => value === target.kind)?.label}</span>
        <Badge tone={tone}>{word}</Badge>
        <div className="actions">
          <Button size="xs" variant="default" loading={trying.isPending} onClick={() => trying.mutate()}>
            Send a test<span className="hidden-words"> to {label}</span>
          </Button>
          <Button size="xs" variant="default" onClick={() => setOpen('change')}>
            Change<span className="hidden-words"> {label}</span>
          </Button>
          <Button size="xs" variant="default" onClick={() => setOpen('remove')}>
            Remove<span className="hidden-words"> {label}</span>
          </Button>
        </div>
      </div>
      <dl className="facts">
        <dt>To</dt>
        <dd className="mono">{destinationWords(channel)}</dd>
        <dt>Tells</dt>
        <dd>{tellsWords(channel)}</dd>
        <dt>Last sent</dt>
        <dd>
          <Ago time={health.lastSuccessAt} />
          {health.lastAnswer !== undefined && <span className="quiet"> {health.lastAnswer}</span>}
        </dd>
        {health.lastError !== undefined && (
          <>
            <dt>Last error</dt>
            <dd>
              <Ago time={health.lastErrorAt} /> <span className="text-bad">{health.lastError}</span>
              {health.nextTryAt !== undefined && (
                <span className="quiet">
                  {' '}
                  Next try <Ago time={health.nextTryAt} />.
                </span>
              )}
            </dd>
          </>
        )}
        {health.waiting + health.leftOut > 0 && (
          <>
            <dt>Waiting</dt>
            <dd>
              {health.waiting}
              {health.leftOut > 0 && `, and ${String(health.leftOut)} for which there was no room`}
            </dd>
          </>
        )}
      </dl>
      <Outcome trying={trying} />
      {open === 'change' && <ChannelDialog channel={channel} onClose={close} />}
      <Confirm
        opened={open === 'remove'}
        title={`Remove the channel “${label}”?`}
        verb="Remove it"
        act={async () => {
          await removeChannel(channel.id);
          await queries.invalidateQueries({ queryKey: channelsQuery.queryKey });
        }}
        onClose={close}
      >
        <p>
          Nothing is told to {destinationWords(channel)} any more.
          {health.waiting > 0 && ` ${String(health.waiting)} that wait to be told are forgotten.`} Its
          password or secret is destroyed; to have it again, everything is typed in anew.
        </p>
      </Confirm>
    </>
  );
}

function Outcome({
  trying,
}: {
  trying: { data: { ok: boolean; answer: string; tookMs: number } | undefined; error: unknown };
}) {
  if (trying.error !== null) return <Problem error={trying.error} />;
  if (trying.data === undefined) return null;
  const { ok, answer, tookMs } = trying.data;
  return (
    <p className="outcome" role="status">
      <Badge tone={ok ? 'good' : 'bad'}>{ok ? 'the test was sent' : 'the test did not get through'}</Badge>{' '}
      {answer} <span className="quiet">({(tookMs / 1000).toFixed(1)} s)</span>
    </p>
  );
}

function standing({ enabled, secretsLost, health }: ChannelView): [Tone, string] {
  if (!enabled) return ['idle', 'switched off'];
  if (secretsLost) return ['bad', 'type its secrets in again'];
  if (health.failures > 0) return ['bad', 'does not get through'];
  return health.lastSuccessAt === undefined ? ['warn', 'never tried'] : ['good', 'works'];
}
