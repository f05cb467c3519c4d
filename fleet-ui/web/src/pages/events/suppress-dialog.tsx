import type { FleetEvent, Me, SuppressionPreview, SuppressionRule } from '@bulkhead/fleet-api';
import { Button, Modal, TextInput } from '@mantine/core';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { ruleTextQuery, suppress, suppressionPreviewQuery } from '../../api/event-desk.ts';
import { usePerson } from '../../api/session.ts';
import { Choice } from '../../components/choice.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Problem } from '../../components/problem.tsx';
import { counted } from '../../text/number-words.ts';
import { clockTime } from '../../text/time-words.ts';
import { alertFields } from './alert-fields.ts';
import { RuleManagerLink } from './event-origin.tsx';
import type { EventSensor } from './event-sensor.ts';
import { eventPath } from './event-words.ts';

const DAY_MS = 86_400_000;
const DAYS = 7;
const EXPIRY = [
  { value: '1', label: '1 day' },
  { value: '7', label: '7 days' },
  { value: '30', label: '30 days' },
  { value: '90', label: '90 days' },
  { value: '366', label: 'a year' },
];
const NETWORK = /^[0-9a-fA-F:.]+(?:\/\d{1,3})?$/;

/** Hides alerts like this one for a while; what that would have hidden is shown before. */
export function SuppressDialog({
  event,
  sensor,
  onClose,
}: {
  event: FleetEvent;
  sensor: EventSensor;
  onClose: () => void;
}) {
  const found = alertFields(event);
  const everywhere = holdsEverywhere(usePerson());
  const [end, setEnd] = useState('any');
  const [address, setAddress] = useState(found.source ?? '');
  const [where, setWhere] = useState('sensor');
  const [days, setDays] = useState('30');
  const [reason, setReason] = useState('');
  const queries = useQueryClient();
  const named = end !== 'any';
  const valid = !named || NETWORK.test(address);
  const rule: SuppressionRule = {
    signature: found.signature ?? '',
    side: end === 'source' || end === 'destination' ? end : 'either',
    ...(named ? { address } : {}),
    ...(where === 'sensor' ? { sensors: [event.sensor] } : {}),
  };
  const preview = useQuery({ ...suppressionPreviewQuery(rule, DAYS), enabled: valid });
  const make = useMutation({
    mutationFn: () =>
      suppress({ ...rule, reason, expires: new Date(Date.now() + Number(days) * DAY_MS).toISOString() }),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ['events'] });
      onClose();
    },
  });
  return (
    <Modal opened onClose={onClose} title="Suppress alerts like this one" size="lg" lockScroll={false}>
      <form
        className="stack"
        onSubmit={(submitted) => {
          submitted.preventDefault();
          make.mutate();
        }}
      >
        <p>
          <bdi>{found.text ?? `Signature ${rule.signature}`}</bdi>
        </p>
        <p className="quiet">
          They are not shown and nobody is notified of them, until the time is over or somebody takes it back.
          They are stored all the same and can be searched for.
        </p>
        <div className="filters">
          <Choice
            label="With"
            value={end}
            options={ends(found.source, found.destination)}
            onChange={(next) => {
              setEnd(next);
              if (next === 'source') setAddress(found.source ?? '');
              if (next === 'destination') setAddress(found.destination ?? '');
            }}
          />
          {named && (
            <TextInput
              label="Address or network"
              value={address}
              onChange={(one) => setAddress(one.currentTarget.value.trim())}
              error={valid ? undefined : 'is neither an address nor a network'}
              spellCheck={false}
            />
          )}
          <Choice
            label="Where"
            value={where}
            options={[
              { value: 'sensor', label: `On ${sensor.name}` },
              ...(everywhere ? [{ value: 'all', label: 'On all sensors, later ones too' }] : []),
            ]}
            onChange={setWhere}
          />
          <Choice label="For" value={days} options={EXPIRY} onChange={setDays} />
        </div>
        {valid && (
          <section className="card" aria-label="Preview">
            <Loaded query={preview} what="what it would hide">
              {(data) => <Preview data={data} />}
            </Loaded>
          </section>
        )}
        <TextInput
          label="Reason"
          description="Others read it in the list of suppressions and in the audit log."
          value={reason}
          onChange={(one) => setReason(one.currentTarget.value)}
          required
          minLength={3}
          maxLength={300}
        />
        <InTheRules event={event} sensor={sensor} />
        {make.error !== null && <Problem error={make.error} />}
        <div className="actions end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={make.isPending} disabled={!valid || reason.trim().length < 3}>
            Suppress
          </Button>
        </div>
      </form>
    </Modal>
  );
}

function Preview({ data }: { data: SuppressionPreview }) {
  return (
    <>
      <p>
        Of {data.complete ? '' : 'the newest '}
        {counted(data.alerts, 'alert')} of this signature in the last {DAYS} days it would have hidden{' '}
        <strong>{data.hidden.toLocaleString('en')}</strong>
        {data.sensors.length > 1 && `, on ${counted(data.sensors.length, 'sensor')}`}.
        {data.worst === 'high' && data.hidden > 0 && ' Among them are alerts of high severity.'}
      </p>
      {data.examples.length > 0 && (
        <ul className="mono">
          {data.examples.map(({ id, time, record }) => (
            <li key={id}>
              {clockTime(time)} {eventPath(record) ?? ''}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

/** The other way, where the sensor has it. */
function InTheRules({ event, sensor }: { event: FleetEvent; sensor: EventSensor }) {
  const { instrument } = useQuery(ruleTextQuery(event.id)).data ?? {};
  if (instrument === undefined || !sensor.attached) return null;
  return (
    <div>
      <p className="quiet">
        This hides at the fleet only. A suppression in the rule manager acts on the sensor: its IDS then
        raises no alert at all, and nothing is kept of it.
      </p>
      <RuleManagerLink sensor={sensor.id} instrument={instrument} />
    </div>
  );
}

function ends(source: string | undefined, destination: string | undefined) {
  return [
    { value: 'any', label: 'any addresses' },
    ...(source === undefined ? [] : [{ value: 'source', label: 'this source or its network' }]),
    ...(destination === undefined
      ? []
      : [{ value: 'destination', label: 'this destination or its network' }]),
    { value: 'either', label: 'an address at either end' },
  ];
}

function holdsEverywhere(person: Me | null): boolean {
  return (person?.rights ?? []).some(({ right, everywhere }) => right === 'events.handle' && everywhere);
}
