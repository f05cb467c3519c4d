import type { SeenInstrument } from '@bulkhead/fleet-api';
import { Link, useParams } from '@tanstack/react-router';
import { Empty } from '../../components/empty.tsx';
import { Section } from '../../components/page.tsx';
import { Ago } from '../../components/time.tsx';
import { compactNumber } from '../../text/number-words.ts';
import { useSensor } from '../sensor/use-sensor.ts';
import { Grants } from './grants.tsx';
import { InstrumentLog } from './instrument-log.tsx';
import { counterName, stateWords } from './instrument-words.ts';
import { InstrumentLimits } from './instrument-limits.tsx';
import { InstrumentOptions } from './instrument-options.tsx';
import { InstrumentRetention } from './instrument-retention.tsx';
import { InstrumentSwitch } from './instrument-switch.tsx';
import { InstrumentState } from './instruments.tsx';
import { OpenPage } from './open-page.tsx';
import './instruments.css';

/** One instrument: how it is, what it may do, what it logs. */
export function Instrument() {
  const { sensor, instrument: name } = useParams({ from: '/shell/sensors/$sensor/instruments/$instrument' });
  const { status, attached } = useSensor(sensor);
  const instrument = status?.instruments.find((one) => one.name === name);
  if (status === undefined || instrument === undefined) {
    return (
      <Empty title={`There is no instrument ${name} on this sensor`}>
        <p>
          It may have been removed from the configuration.{' '}
          <Link to="/sensors/$sensor/instruments" params={{ sensor }}>
            The others
          </Link>
        </p>
      </Empty>
    );
  }
  return (
    <>
      <Section
        title={name}
        note={`${instrument.package} ${instrument.version}`}
        actions={
          <>
            {instrument.page !== undefined && <OpenPage sensor={sensor} instrument={instrument} />}
            <InstrumentSwitch sensor={sensor} instrument={instrument} attached={attached} />
          </>
        }
      >
        <div className="card">
          <p>
            <InstrumentState instrument={instrument} /> {stateWords(instrument)}
          </p>
          {instrument.detail !== undefined && <p>{instrument.detail}</p>}
          {instrument.rulesSince !== undefined && (
            <p>
              Its rules changed last <Ago time={instrument.rulesSince} />.
            </p>
          )}
          {instrument.failures > 0 && (
            <p className="text-warn">It failed {instrument.failures} times in a row.</p>
          )}
          <Counters instrument={instrument} />
        </div>
      </Section>
      <InstrumentLimits sensor={sensor} instrument={instrument} status={status} attached={attached} />
      <InstrumentOptions sensor={sensor} instrument={name} attached={attached} />
      {attached ? (
        <>
          <InstrumentRetention sensor={sensor} instrument={name} />
          <Grants sensor={sensor} instrument={name} />
          <InstrumentLog sensor={sensor} instrument={name} />
        </>
      ) : (
        <p className="quiet">Permissions and log are asked of the sensor itself, which is away.</p>
      )}
    </>
  );
}

function Counters({ instrument }: { instrument: SeenInstrument }) {
  const counters = Object.entries(instrument.counters);
  if (counters.length === 0) return <p className="quiet">It counts nothing, or did not say so yet.</p>;
  return (
    <dl className="facts counters">
      {counters.map(([name, value]) => (
        <div key={name}>
          <dt>{counterName(name)}</dt>
          <dd title={value.toLocaleString('en')}>{compactNumber(value)}</dd>
        </div>
      ))}
    </dl>
  );
}
