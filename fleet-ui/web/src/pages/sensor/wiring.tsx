import type { SeenMonitor, SeenStatus } from '@bulkhead/fleet-api';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useMemo } from 'react';
import { activeQuery, ledgerQuery, matrixQuery } from '../../api/sensor.ts';
import { Badge, type Tone } from '../../components/badge.tsx';
import { Empty } from '../../components/empty.tsx';
import { Section } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { compactNumber, percentWords, rateWords } from '../../text/number-words.ts';
import { ActivePorts } from './active-ports.tsx';
import { LedgerTable } from './ledger-table.tsx';
import { countOf, type StageRates } from './ledger-rates.ts';
import { lossNote, lossStanding } from './loss-standing.ts';
import { useActiveRates, useLedgerRates } from './use-rates.ts';
import { useSensor } from './use-sensor.ts';
import { wiringPicture } from './wiring-layout.ts';
import { WiringSvg } from './wiring-svg.tsx';
import './wiring.css';

/** How packets get from the wire to the instruments on this sensor, now: what passes, what is lost and where. */
export function Wiring() {
  const { sensor } = useParams({ from: '/shell/sensors/$sensor' });
  const { status, attached } = useSensor(sensor);
  const ledger = useQuery(ledgerQuery(sensor, attached));
  const matrix = useQuery({ ...matrixQuery(sensor), enabled: attached });
  const rates = useLedgerRates(ledger.data);
  const active = useQuery(activeQuery(sensor, attached));
  const ports = active.data?.ports;
  const activeRates = useActiveRates(active.data, active.dataUpdatedAt);
  const picture = useMemo(
    () =>
      status === undefined
        ? undefined
        : wiringPicture({
            status,
            ports: (ledger.data?.lines ?? []).filter(({ stage }) => stage === 'mirror-port'),
            rates,
            matrix: matrix.data,
            active: { ports: ports ?? [], rates: activeRates },
          }),
    [status, ledger.data, rates, matrix.data, ports, activeRates],
  );
  if (status === undefined || picture === undefined) {
    return (
      <Empty title="This sensor has told nothing yet">
        <p>Its wiring appears here as soon as it connects for the first time.</p>
      </Empty>
    );
  }
  if (status.monitors.length === 0 && status.instruments.length === 0) {
    return (
      <Empty title="Nothing is wired on this sensor">
        <p>
          Its configuration names no monitor interface and no instrument. Give it one, by its group or for
          itself: a monitor interface is the network card behind the mirror port of a switch; instruments get
          copies of what arrives there.
        </p>
      </Empty>
    );
  }
  return (
    <>
      <Section
        title="Wiring"
        note={
          attached
            ? 'Rates of the last seconds; solid: packets, dashed: events, arrows at both ends: may send and receive'
            : 'As it was when the sensor was last heard'
        }
      >
        {ledger.error !== null && attached && (
          <Problem error={ledger.error} retry={() => void ledger.refetch()} />
        )}
        <WiringSvg picture={picture} sensor={sensor} />
      </Section>
      <Section title="Monitor interfaces">
        <div className="columns">
          {status.monitors.map((monitor) => (
            <Monitor key={monitor.name} monitor={monitor} since={status.startedAt} rates={rates} />
          ))}
        </div>
      </Section>
      {ports !== undefined && ports.length > 0 && (
        <Section title="Active interfaces" note="by which instruments may send, to allowed destinations only">
          <ActivePorts ports={ports} rates={activeRates} />
        </Section>
      )}
      {ledger.data !== undefined && (
        <Section
          title="Every packet and event, stage by stage"
          note={
            <>
              counted since <Ago time={ledger.data.from} />
            </>
          }
        >
          <LedgerTable ledger={ledger.data} rates={rates} />
        </Section>
      )}
      <Platform status={status} />
    </>
  );
}

const CHECK_TONES: Readonly<Record<string, Tone>> = {
  ok: 'good',
  missed: 'bad',
  blind: 'bad',
  pending: 'idle',
  off: 'idle',
};

function Monitor({ monitor, since, rates }: { monitor: SeenMonitor; since: string; rates: StageRates }) {
  const { check, packets, feed } = monitor;
  const nic = rates.get(`nic ${monitor.name}`);
  const loss = { lost: packets.lost, lostAgoS: countOf(packets.lostAgoS) };
  const lostStarting = countOf(packets.lostStarting) ?? 0;
  return (
    <div className="card">
      <div className="section-head">
        <h3>{monitor.name}</h3>
        <span className="quiet">{monitor.device}</span>
        <Badge tone={monitor.state === 'watching' ? 'good' : 'bad'}>{monitor.state}</Badge>
      </div>
      <dl className="facts">
        <dt>Detection check</dt>
        <dd>
          <Badge tone={CHECK_TONES[check.state] ?? 'idle'}>{check.state}</Badge>{' '}
          {check.lastOk !== undefined && (
            <span className="quiet">
              last seen <Ago time={check.lastOk} />
              {check.latencyMs !== undefined && `, after ${String(Math.round(check.latencyMs))} ms`}
            </span>
          )}
          {check.text !== undefined && <p>{check.text}</p>}
        </dd>
        <dt>Receive only</dt>
        <dd>
          <span className={packets.framesSent > 0 ? 'text-bad' : 'text-good'}>
            frames sent: {packets.framesSent} since{' '}
            <Ago time={since === '' ? undefined : since} never="the start" />
          </span>
          {packets.transmitAttempts > 0 && (
            <p className="quiet">{compactNumber(packets.transmitAttempts)} attempts to send were dropped</p>
          )}
        </dd>
        <dt>Received</dt>
        <dd>
          {compactNumber(packets.received)} packets
          {nic?.outPerS !== undefined && ` · ${rateWords(nic.outPerS)}`}
        </dd>
        <dt>Lost</dt>
        <dd className={lossStanding(loss) === 'growing' ? 'text-bad' : ''}>
          {packets.lost === 0
            ? 'none'
            : `${compactNumber(packets.lost)} (${percentWords(packets.lost, packets.received)})`}
          {(packets.lostWhere ?? [])
            .map(({ stage, packets: lost }) => ` · ${stage}: ${compactNumber(lost)}`)
            .join('')}
          {lossNote(loss) !== '' && <span className="quiet"> · {lossNote(loss)}</span>}
          {lostStarting > 0 && (
            <p className="quiet">
              {compactNumber(lostStarting)} arrived before every instrument saw, and are not counted here
            </p>
          )}
        </dd>
        <dt>Feed</dt>
        <dd>
          <Feed feed={feed} />
        </dd>
      </dl>
    </div>
  );
}

function Feed({ feed }: { feed: SeenMonitor['feed'] }) {
  if (feed === undefined) return <span className="quiet">nobody looks</span>;
  const usual = feed.usualPacketsPerSecond;
  return (
    <>
      <Badge tone={feed.state === 'alarm' ? 'bad' : feed.state === 'ok' ? 'good' : 'idle'}>
        {feed.state}
      </Badge>{' '}
      <span className="quiet">
        {feed.packetsPerSecond !== undefined && rateWords(feed.packetsPerSecond)}
        {usual !== undefined && `, usually ${rateWords(usual)}`}
        {feed.vlans !== undefined && feed.vlans.length > 0 && `, VLANs ${feed.vlans.slice(0, 12).join(', ')}`}
      </span>
      {feed.alarms.map((alarm) => (
        <p key={alarm.kind} className="text-bad">
          {alarm.text}
        </p>
      ))}
      {feed.unobserved !== undefined && <p className="quiet">{feed.unobserved}</p>}
    </>
  );
}

function Platform({ status }: { status: SeenStatus }) {
  const { bus, counts, versions } = status;
  return (
    <Section title="Platform">
      <div className="card">
        <dl className="facts">
          <dt>Running since</dt>
          <dd>
            <Ago time={status.startedAt === '' ? undefined : status.startedAt} />
          </dd>
          <dt>Bus</dt>
          <dd>
            {bus.up ? 'up' : <span className="text-bad">down</span>}
            {bus.encrypted ? ', encrypted at rest' : ', not encrypted at rest'}
            {bus.restarts > 0 && `, restarted ${String(bus.restarts)} times`}
          </dd>
          <dt>Stored</dt>
          <dd>
            {compactNumber(counts.events)} events, {compactNumber(counts.alerts)} alerts
          </dd>
          <dt>Detection checks</dt>
          <dd>
            {compactNumber(counts.checksPassed)} passed, {compactNumber(counts.checksMissed)} missed
          </dd>
          <dt>Versions</dt>
          <dd>
            {[['bulkhead', status.version], ...Object.entries(versions)]
              .map(([name, version]) => `${name ?? ''} ${version ?? ''}`)
              .join(' · ')}
          </dd>
        </dl>
      </div>
    </Section>
  );
}
