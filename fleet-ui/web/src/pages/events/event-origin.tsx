import type { FleetEvent, Occurrences } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { occurrencesQuery, ruleTextQuery } from '../../api/event-desk.ts';
import { statusQuery, wholeStatus } from '../../api/sensor.ts';
import { useMay } from '../../api/session.ts';
import { CopyText } from '../../components/copy-text.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Ago } from '../../components/time.tsx';
import { OpenPage } from '../instruments/open-page.tsx';
import type { EventSensor } from './event-sensor.ts';

/** How often a signature fired in the last 30 days, and where. */
export function PastOccurrences({
  signature,
  names,
}: {
  signature: string;
  names: ReadonlyMap<string, EventSensor>;
}) {
  const query = useQuery(occurrencesQuery(signature));
  return (
    <section className="card" aria-label="In the last 30 days">
      <h3>In the last 30 days</h3>
      <Loaded query={query} what="past occurrences">
        {(found) => <OccurrencesShown found={found} names={names} />}
      </Loaded>
    </section>
  );
}

const SENSORS_SHOWN = 8;

function OccurrencesShown({ found, names }: { found: Occurrences; names: ReadonlyMap<string, EventSensor> }) {
  const most = Math.max(1, ...found.days);
  const onDays = found.days.filter((count) => count > 0).length;
  return (
    <>
      <p>
        {found.total.toLocaleString('en')} alerts of this signature on {found.sensors.length}{' '}
        {found.sensors.length === 1 ? 'sensor' : 'sensors'}, on {onDays} of {found.days.length} days. The
        first <Ago time={found.first} />, the last <Ago time={found.last} />.
      </p>
      <svg
        className="day-bars"
        viewBox={`0 0 ${String(found.days.length * 8)} 32`}
        role="img"
        aria-label={`Alerts each day, the oldest first: ${found.days.join(', ')}`}
        preserveAspectRatio="none"
      >
        {found.days.map((count, day) => {
          const height = count === 0 ? 0 : Math.max(2, (count / most) * 32);
          return <rect key={`day ${String(day)}`} x={day * 8} y={32 - height} width={6} height={height} />;
        })}
      </svg>
      <ul>
        {found.sensors.slice(0, SENSORS_SHOWN).map(({ sensor, count, last }) => (
          <li key={sensor}>
            {names.get(sensor)?.name ?? sensor}: {count.toLocaleString('en')}{' '}
            <span className="quiet">
              last <Ago time={last} />
            </span>
          </li>
        ))}
        {found.sensors.length > SENSORS_SHOWN && (
          <li className="quiet">and {found.sensors.length - SENSORS_SHOWN} more sensors</li>
        )}
      </ul>
    </>
  );
}

/** The rule that raised an alert, as the rule manager of its sensor has it. */
export function RuleTextCard({ event, sensor }: { event: FleetEvent; sensor: EventSensor }) {
  const query = useQuery(ruleTextQuery(event.id));
  return (
    <section className="card" aria-label="The rule">
      <h3>The rule</h3>
      <Loaded query={query} what="the rule">
        {(rule) => (
          <>
            {rule.text !== undefined && <CopyText text={rule.text} label="Text of the rule" />}
            <p className="quiet">
              {rule.message}
              {rule.source !== undefined && ` Source: ${rule.source}, revision ${String(rule.rev ?? '?')}.`}
              {rule.enabled === false && ' It is switched off now.'}
              {(rule.suppressions ?? 0) > 0 &&
                ' The rule manager holds suppressions or limits about it, which act on the sensor.'}
            </p>
            {rule.original !== undefined && (
              <details>
                <summary>As in its source, before it was changed</summary>
                <CopyText text={rule.original} label="Text in its source" />
              </details>
            )}
            {(rule.references ?? []).length > 0 && (
              <ul className="mono">
                {rule.references?.slice(0, 12).map((one) => (
                  <li key={one}>
                    <bdi>{one}</bdi>
                  </li>
                ))}
              </ul>
            )}
            {rule.instrument !== undefined && sensor.attached && (
              <RuleManagerLink sensor={sensor.id} instrument={rule.instrument} />
            )}
          </>
        )}
      </Loaded>
    </section>
  );
}

/** Leads to the rule manager's own page, where rules themselves are changed. */
export function RuleManagerLink({ sensor, instrument }: { sensor: string; instrument: string }) {
  const may = useMay('instruments.open', { sensor, instrument });
  const maySee = useMay('sensors.read', { sensor });
  const status = useQuery({ ...statusQuery(sensor), enabled: may && maySee }).data?.status;
  const found =
    status === undefined
      ? undefined
      : wholeStatus(status).instruments.find(({ name }) => name === instrument);
  if (found?.page === undefined) return null;
  return <OpenPage sensor={sensor} instrument={found} />;
}
