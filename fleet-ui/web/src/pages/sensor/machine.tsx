import type { LinkView, SeenStatus } from '@bulkhead/fleet-api';
import { useParams } from '@tanstack/react-router';
import { Empty } from '../../components/empty.tsx';
import { Meter } from '../../components/meter.tsx';
import { Section } from '../../components/page.tsx';
import { byteWords, percentWords } from '../../text/number-words.ts';
import { LeftSensor } from './left-sensor.tsx';
import { clockWords } from './machine-words.ts';
import { useSensor } from './use-sensor.ts';

/** The machine below a sensor: its health, its volumes, and what left it. */
export function Machine() {
  const { sensor } = useParams({ from: '/shell/sensors/$sensor' });
  const { status, link, attached } = useSensor(sensor);
  if (status === undefined) {
    return (
      <Empty title="The sensor has told nothing yet">
        <p>When it connects, its processors, memory, disks and volumes are shown here.</p>
      </Empty>
    );
  }
  return (
    <>
      <Host status={status} link={link} />
      <Volumes status={status} />
      {attached ? (
        <LeftSensor sensor={sensor} />
      ) : (
        <p className="quiet">What left the sensor is asked of the sensor itself, which is away.</p>
      )}
    </>
  );
}

function Host({ status: { host }, link }: { status: SeenStatus; link: LinkView | undefined }) {
  const { cpus = 0, load1, memoryBytes = 0, memoryFreeBytes = 0, disks = [] } = host ?? {};
  return (
    <Section title="Health of the machine" note="as of the last quarter of a minute">
      <div className="card">
        {host === undefined && <p className="quiet">It does not tell; its version may be older.</p>}
        <dl className="facts">
          {load1 !== undefined && cpus > 0 && (
            <>
              <dt>Load</dt>
              <dd>
                <Meter
                  label="Load of the processors"
                  taken={load1}
                  of={cpus}
                  words={`${String(load1)} on ${String(cpus)} processors`}
                />
              </dd>
            </>
          )}
          {memoryBytes > 0 && (
            <>
              <dt>Memory</dt>
              <dd>
                <Meter
                  label="Memory in use"
                  taken={memoryBytes - memoryFreeBytes}
                  of={memoryBytes}
                  words={`${byteWords(memoryBytes - memoryFreeBytes)} of ${byteWords(memoryBytes)}`}
                />
              </dd>
            </>
          )}
          {disks.map(({ what, totalBytes, freeBytes }) => (
            <div key={what} className="facts-row">
              <dt>Disk for {what}</dt>
              <dd>
                <Meter
                  label={`Disk for ${what}`}
                  taken={totalBytes - freeBytes}
                  of={totalBytes}
                  words={`${percentWords(totalBytes - freeBytes, totalBytes)} taken, ${byteWords(freeBytes)} free`}
                />
              </dd>
            </div>
          ))}
          <dt>Clock</dt>
          <dd className={link?.clockWrong === true ? 'text-bad' : ''}>{clockWords(link)}</dd>
        </dl>
      </div>
    </Section>
  );
}

function Volumes({ status }: { status: SeenStatus }) {
  const volumes = status.volumes ?? [];
  if (volumes.length === 0) return null;
  return (
    <Section title="Volumes" note="encrypted, one for each instrument; its key goes with it">
      <div className="table-wrap" tabIndex={0} role="region" aria-label="Volumes">
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Of</th>
              <th scope="col">State</th>
              <th scope="col">Taken</th>
            </tr>
          </thead>
          <tbody>
            {volumes.map(({ name, state, sizeBytes, usedBytes }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{state === 'unlocked' ? 'open' : (state ?? '–')}</td>
                <td>
                  <Meter
                    label={`Volume of ${name}`}
                    taken={usedBytes}
                    of={sizeBytes}
                    words={`${byteWords(usedBytes)} of ${byteWords(sizeBytes)}`}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </Section>
  );
}
