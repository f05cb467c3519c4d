import type { LinkView, SeenActivePort, SeenGrants, SeenStatus, SensorDetail } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { activeQuery, grantsQuery } from '../../api/sensor.ts';
import { sensorQuery } from '../../api/sensors.ts';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { clockTime } from '../../text/time-words.ts';
import { activeKey, activeRecordWords } from './active-rates.ts';
import { machineFacts } from './machine-words.ts';
import { useSensor } from './use-sensor.ts';
import './record.css';

/** What was put into service, on paper: machine, identity, health, interfaces with proof that they are watched, instruments and their rights. */
export function CommissioningRecord() {
  const { sensor } = useParams({ from: '/shell/sensors/$sensor' });
  const known = useQuery(sensorQuery(sensor));
  const { status, statusAt, link, attached } = useSensor(sensor);
  const grants = useQuery({ ...grantsQuery(sensor), enabled: attached });
  const active = useQuery({ ...activeQuery(sensor, attached), refetchInterval: false });
  return (
    <Section
      title="Commissioning record"
      note={`as of ${clockTime(Date.now())}`}
      actions={
        <Button size="xs" variant="default" className="no-print" onClick={() => window.print()}>
          Print
        </Button>
      }
    >
      <Loaded query={known} what="sensor">
        {(entry) => (
          <div className="card record">
            <Machine entry={entry} />
            <Identity entry={entry} />
            {status === undefined ? (
              <p className="text-warn">
                It has told nothing yet: the health of the machine, interfaces and instruments are missing
                here.
              </p>
            ) : (
              <>
                <Health status={status} statusAt={statusAt} link={link} />
                <Watching status={status} grants={grants.data} active={active.data?.ports ?? []} />
              </>
            )}
            <Signatures />
          </div>
        )}
      </Loaded>
    </Section>
  );
}

function Machine({ entry }: { entry: SensorDetail }) {
  const { hardware } = entry;
  return (
    <>
      <h3>Machine</h3>
      <dl className="facts">
        <dt>Sensor</dt>
        <dd>
          {entry.name} <span className="mono">{entry.id}</span>
        </dd>
        <dt>Host</dt>
        <dd>
          {[hardware.hostname, hardware.product, hardware.serial]
            .filter((part) => part !== undefined)
            .join(', ') || 'not told'}
        </dd>
        <dt>Size</dt>
        <dd>
          {[
            hardware.cpus === undefined ? undefined : `${String(hardware.cpus)} processors`,
            hardware.memoryMib === undefined
              ? undefined
              : `${String(Math.round(hardware.memoryMib / 1024))} GiB of memory`,
            hardware.kernel === undefined ? undefined : `kernel ${hardware.kernel}`,
          ]
            .filter((part) => part !== undefined)
            .join(', ') || 'not told'}
        </dd>
      </dl>
      {hardware.nics.length > 0 && (
        <table className="table">
          <thead>
            <tr>
              <th scope="col">Network interface</th>
              <th scope="col">Address of the card</th>
              <th scope="col">Driver</th>
              <th scope="col">Link</th>
              <th scope="col">Can watch</th>
            </tr>
          </thead>
          <tbody>
            {hardware.nics.map((nic) => (
              <tr key={nic.device}>
                <th scope="row">{nic.device}</th>
                <td className="mono">{nic.mac ?? ''}</td>
                <td>{nic.driver ?? ''}</td>
                <td>{nic.link === undefined ? '' : nic.link ? 'up' : 'none'}</td>
                <td>{nic.monitorCapable ? 'yes' : `no: ${nic.why ?? 'not told why'}`}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}

function Identity({ entry }: { entry: SensorDetail }) {
  return (
    <>
      <h3>Identity</h3>
      <dl className="facts">
        <dt>Adopted</dt>
        <dd>{clockTime(entry.adoptedAt)}</dd>
        {entry.certificates.slice(0, 6).map((one) => (
          <div key={one.serial} className="facts-row">
            <dt>Certificate {one.why}</dt>
            <dd>
              <span className="mono">{one.serial}</span>, {clockTime(one.issuedAt)} to{' '}
              {clockTime(one.notAfter)}
              {one.revokedAt !== undefined &&
                `, revoked ${clockTime(one.revokedAt)}: ${one.revokedWhy ?? ''}`}
            </dd>
          </div>
        ))}
        <dt>Group, tags</dt>
        <dd>{[entry.group?.name ?? 'no group', ...entry.tags].join(', ')}</dd>
        {entry.notes !== '' && (
          <>
            <dt>Notes</dt>
            <dd>{entry.notes}</dd>
          </>
        )}
      </dl>
    </>
  );
}

/** How the machine does, with the time of the figures: paper is read later, and a sensor may be away. */
function Health({
  status,
  statusAt,
  link,
}: {
  status: SeenStatus;
  statusAt: string | undefined;
  link: LinkView | undefined;
}) {
  return (
    <>
      <h3>Health of the machine</h3>
      <dl className="facts">
        <dt>Figures of</dt>
        <dd>
          {statusAt === undefined
            ? 'a time that is not known'
            : `${clockTime(statusAt)} or up to 15 s before, by the clock of the fleet`}
        </dd>
        {status.host === undefined && (
          <>
            <dt>Processors, memory, disks</dt>
            <dd>not told</dd>
          </>
        )}
        {machineFacts(status, link).map(([what, words]) => (
          <div key={what} className="facts-row">
            <dt>{what}</dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Watching({
  status,
  grants,
  active,
}: {
  status: SeenStatus;
  grants: SeenGrants | undefined;
  active: readonly SeenActivePort[];
}) {
  const revision = status.config.revision;
  return (
    <>
      <h3>Watching</h3>
      <dl className="facts">
        <dt>Configuration</dt>
        <dd>
          {revision === undefined
            ? 'not told'
            : `revision ${String(revision.number)} of ${revision.author}, ${clockTime(revision.time)}`}
        </dd>
        {status.monitors.map(({ name, device, state, check, packets }) => (
          <div key={name} className="facts-row">
            <dt>Monitor interface {name}</dt>
            <dd>
              {device}, {state}; detection check {check.state}
              {check.lastOk !== undefined && ` (${clockTime(check.lastOk)})`}; frames sent:{' '}
              {packets.framesSent} since {clockTime(status.startedAt)};{' '}
              {packets.received.toLocaleString('en')} packets received, {packets.lost.toLocaleString('en')}{' '}
              lost
            </dd>
          </div>
        ))}
        {status.instruments.map(({ name, package: from, version, state, health }) => (
          <div key={name} className="facts-row">
            <dt>Instrument {name}</dt>
            <dd>
              {from} {version}, {state}
              {state === 'running' && `, ${health}`}
              <ul>
                {active
                  .filter(({ instrument }) => instrument === name)
                  .map((port) => (
                    <li key={activeKey(port)}>
                      Active interface {port.port}: {activeRecordWords(port)}
                    </li>
                  ))}
                {(grants?.instruments.find(({ instrument }) => instrument === name)?.rights ?? [])
                  .filter((grant) => grant.state === 'granted')
                  .map((grant) => (
                    <li key={grant.right}>{grant.words}</li>
                  ))}
              </ul>
            </dd>
          </div>
        ))}
      </dl>
    </>
  );
}

function Signatures() {
  return (
    <div className="signatures">
      <p>Put into service by</p>
      <p>Date</p>
      <p>Seen by</p>
    </div>
  );
}
