import type { Suppression } from '@bulkhead/fleet-api';
import { Button, Modal } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { suppressionsQuery, unsuppress } from '../../api/event-desk.ts';
import { Badge } from '../../components/badge.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { clockTime } from '../../text/time-words.ts';
import type { EventSensor } from './event-sensor.ts';

/** Everything that people do not want to see for a while: who said so, why, until when, and how much it hides. */
export function SuppressionsDialog({
  names,
  onClose,
}: {
  names: ReadonlyMap<string, EventSensor>;
  onClose: () => void;
}) {
  const query = useQuery(suppressionsQuery);
  return (
    <Modal opened onClose={onClose} title="Suppressions" size="xl" lockScroll={false}>
      <Loaded query={query} what="suppressions">
        {({ suppressions }) =>
          suppressions.length === 0 ? (
            <Empty title="Nothing is suppressed">
              <p>
                When an alert is known and harmless, open it and choose “Suppress …”: it is then hidden for a
                while, and nobody is notified of it. It is stored all the same.
              </p>
            </Empty>
          ) : (
            <ul className="suppressions">
              {suppressions.map((one) => (
                <Entry key={one.id} one={one} names={names} />
              ))}
            </ul>
          )
        }
      </Loaded>
    </Modal>
  );
}

function Entry({ one, names }: { one: Suppression; names: ReadonlyMap<string, EventSensor> }) {
  const queries = useQueryClient();
  const end = useMutation({
    mutationFn: () => unsuppress(one.id),
    onSuccess: () => queries.invalidateQueries({ queryKey: ['events'] }),
  });
  return (
    <li className="card">
      <h3>
        <bdi>{one.text ?? `Signature ${one.signature}`}</bdi>
      </h3>
      <p>
        {one.active ? <Badge tone="accent">acts</Badge> : <Badge tone="idle">over</Badge>}{' '}
        {scopeWords(one, names)}.
      </p>
      <p>
        <bdi>{one.reason}</bdi>
      </p>
      <p className="quiet">
        {one.by.name}, <Ago time={one.at} />;{' '}
        {one.ended === undefined
          ? `until ${clockTime(one.expires)}`
          : `taken back by ${one.ended.by.name}, ${clockTime(one.ended.at)}`}
        . It covered {one.hits.toLocaleString('en')} alerts
        {one.lastHit !== undefined && (
          <>
            , the last <Ago time={one.lastHit} />
          </>
        )}
        .
      </p>
      {end.error !== null && <Problem error={end.error} />}
      {one.mayEnd && (
        <div className="actions">
          <Button size="xs" variant="default" loading={end.isPending} onClick={() => end.mutate()}>
            Show these alerts again
          </Button>
        </div>
      )}
    </li>
  );
}

function scopeWords(
  { signature, address, side, sensors, elsewhere }: Suppression,
  names: ReadonlyMap<string, EventSensor>,
): string {
  const end = side === 'either' ? 'at either end' : `as ${side}`;
  const of = sensors?.map((sensor) => names.get(sensor)?.name ?? sensor).join(', ');
  const more = elsewhere > 0 ? ` and ${String(elsewhere)} more` : '';
  return [
    `Signature ${signature}`,
    ...(address === undefined ? [] : [`with ${address} ${end}`]),
    of === undefined ? 'on all sensors' : `on ${of}${more}`,
  ].join(' ');
}
