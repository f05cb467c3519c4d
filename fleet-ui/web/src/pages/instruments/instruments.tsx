import type { SeenInstrument } from '@bulkhead/fleet-api';
import { Link, useParams } from '@tanstack/react-router';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Empty } from '../../components/empty.tsx';
import { Meter } from '../../components/meter.tsx';
import { byteWords } from '../../text/number-words.ts';
import { conditionOf } from '../sensor/wiring-layout.ts';
import { useSensor } from '../sensor/use-sensor.ts';
import { OpenPage } from './open-page.tsx';
import { stateWords } from './instrument-words.ts';

/** What runs on a sensor, and how it is. */
export function Instruments() {
  const { sensor } = useParams({ from: '/shell/sensors/$sensor' });
  const { status } = useSensor(sensor);
  const instruments = status?.instruments ?? [];
  if (instruments.length === 0) {
    return (
      <Empty title="No instrument runs on this sensor">
        <p>
          An instrument is one tool in one container: an intrusion detection system, a recorder, a store of
          DNS names. Which ones a sensor runs is said by its configuration, for itself or by its group.
        </p>
      </Empty>
    );
  }
  return (
    <div className="table-wrap" tabIndex={0} role="region" aria-label="Instruments">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Instrument</th>
            <th scope="col">State</th>
            <th scope="col">What it says</th>
            <th scope="col">Takes</th>
            <th scope="col">Package</th>
            <th scope="col">Page</th>
          </tr>
        </thead>
        <tbody>
          {instruments.map((one) => (
            <tr key={one.name}>
              <th scope="row">
                <Link to="/sensors/$sensor/instruments/$instrument" params={{ sensor, instrument: one.name }}>
                  {one.name}
                </Link>
              </th>
              <td className="nowrap">
                <InstrumentState instrument={one} />
              </td>
              <td>{one.detail ?? ''}</td>
              <td className="nowrap">
                <Takes instrument={one} />
              </td>
              <td className="nowrap">
                {one.package} {one.version}
                {one.unverified === true && <Badge tone="warn">not verified</Badge>}
              </td>
              <td className="nowrap">
                {one.page === undefined ? (
                  <span className="quiet">has none</span>
                ) : (
                  <OpenPage sensor={sensor} instrument={one} />
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Takes({ instrument: { name, use } }: { instrument: SeenInstrument }) {
  if (use?.memoryBytes === undefined || use.memoryLimitBytes === undefined)
    return <span className="quiet">–</span>;
  return (
    <>
      <Meter
        label={`Memory of ${name}`}
        taken={use.memoryBytes}
        of={use.memoryLimitBytes}
        words={byteWords(use.memoryBytes)}
      />
      {use.cpuCores !== undefined && <div className="quiet">{use.cpuCores} cores</div>}
    </>
  );
}

/** State and health in one word where they agree, else in two. */
export function InstrumentState({ instrument }: { instrument: SeenInstrument }) {
  const tone: Tone = conditionOf(instrument);
  return (
    <Badge tone={tone} title={stateWords(instrument)}>
      {instrument.state === 'running'
        ? instrument.health === 'ok'
          ? 'running'
          : `running · ${instrument.health}`
        : instrument.state}
    </Badge>
  );
}
