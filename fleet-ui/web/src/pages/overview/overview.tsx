import type { AttentionItem, Sensor } from '@bulkhead/fleet-api';
import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useMemo, useState } from 'react';
import { attentionQuery } from '../../api/attention.ts';
import { histogramQuery, openAlertsQuery } from '../../api/events.ts';
import { sensorsQuery } from '../../api/sensors.ts';
import { holds, usePerson } from '../../api/session.ts';
import { AttentionList } from '../../components/attention-list.tsx';
import { Empty } from '../../components/empty.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Page, Section } from '../../components/page.tsx';
import { Ago, useNow } from '../../components/time.tsx';
import { counted } from '../../text/number-words.ts';
import { GaugeView } from './gauge-view.tsx';
import { ALERT_POINTS, attacksGauge, MATTER_POINTS, threatsGauge } from './gauges.ts';
import { lastVisit } from './last-visit.ts';
import { NewestAlerts } from './newest-alerts.tsx';
import './overview.css';

// The library that draws is fetched beside the rest: numbers and matters are there before it.
const Histogram = lazy(async () => ({ default: (await import('../events/histogram.tsx')).Histogram }));

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;

/** What a person looks at first: what needs attention, what is new, what is going on. */
export function Overview() {
  const attention = useQuery(attentionQuery);
  const person = usePerson();
  const mayEvents = holds(person, 'events.read');
  const sensors = useQuery({ ...sensorsQuery, enabled: holds(person, 'sensors.read') });
  const before = useLastVisit(person?.id);
  if (sensors.data?.sensors.length === 0) return <FirstSteps mayAdopt={holds(person, 'sensors.adopt')} />;
  const items = attention.data?.items ?? [];
  return (
    <Page title="Overview" about={<Since before={before} items={items} mayEvents={mayEvents} />}>
      <div className="overview">
        <Section title="What needs attention">
          <div className="card">
            <Loaded query={attention} what="what needs attention">
              {(reply) => <AttentionList items={reply.items} newSince={before} />}
            </Loaded>
          </div>
        </Section>
        <div>
          <Fleet sensors={sensors.data?.sensors ?? []} />
          <Section title="How it stands">
            <Gauges items={items} sensors={sensors.data?.sensors ?? []} mayEvents={mayEvents} />
          </Section>
        </div>
      </div>
      {mayEvents && <Alerts />}
    </Page>
  );
}

/** The same for a while, so that answers can be kept. */
function useMinute(): number {
  return Math.floor(useNow() / MINUTE_MS) * MINUTE_MS;
}

function useLastVisit(person: string | undefined): number | undefined {
  const [before, setBefore] = useState<number | undefined>(undefined);
  useEffect(() => {
    if (person === undefined) return;
    const key = `bulkhead-visit ${person}`;
    try {
      const visit = lastVisit(localStorage.getItem(key), Date.now());
      localStorage.setItem(key, visit.keep);
      setBefore(visit.before);
    } catch {
      // Storage is closed to the page: then nothing is marked as new.
    }
  }, [person]);
  return before;
}

function Since({
  before,
  items,
  mayEvents,
}: {
  before: number | undefined;
  items: readonly AttentionItem[];
  mayEvents: boolean;
}) {
  const since = before === undefined ? '' : new Date(before).toISOString();
  const alerts = useQuery({
    ...histogramQuery({ severity: 'low', since }, 'severity', 1),
    enabled: mayEvents && before !== undefined,
  });
  if (before === undefined) return null;
  const matters = items.filter((item) => item.since !== undefined && Date.parse(item.since) > before).length;
  return (
    <>
      Since your last visit, <Ago time={before} />: {counted(matters, 'new matter')}
      {alerts.data !== undefined && (
        <>
          {' and '}
          <Link to="/events" search={{ severity: 'low', since }}>
            {counted(alerts.data.total, 'new alert')}
          </Link>
        </>
      )}
      .
    </>
  );
}

function Fleet({ sensors }: { sensors: readonly Sensor[] }) {
  const active = sensors.filter(({ state }) => state !== 'revoked');
  const online = active.filter(({ attached }) => attached).length;
  return (
    <p className="fleet-count">
      <Link to="/sensors" search={{ state: 'online' }}>
        <strong>{online}</strong> online
      </Link>
      {active.length > online && (
        <Link to="/sensors" search={{ state: 'offline' }} className="text-bad">
          <strong>{active.length - online}</strong> offline
        </Link>
      )}
      <span className="quiet">of {counted(active.length, 'sensor')}</span>
    </p>
  );
}

function Gauges({
  items,
  sensors,
  mayEvents,
}: {
  items: readonly AttentionItem[];
  sensors: readonly Sensor[];
  mayEvents: boolean;
}) {
  const threats = useMemo(() => threatsGauge(items, sensors), [items, sensors]);
  const open = useQuery({ ...openAlertsQuery, enabled: mayEvents }).data;
  const attacks = useMemo(() => attacksGauge(open?.counts ?? [], sensors), [open, sensors]);
  return (
    <div className="card gauges">
      {mayEvents && (
        <GaugeView
          name="Attacks"
          gauge={attacks}
          explanation={`What instruments saw: alerts of the last 24 hours that nobody has handled. A high one counts ${String(ALERT_POINTS['high'])} points, a medium one ${String(ALERT_POINTS['medium'])}, a low one ${String(ALERT_POINTS['low'])}. Handling an alert takes its points away.`}
        />
      )}
      <GaugeView
        name="Threats"
        gauge={threats}
        explanation={`What could let an attack pass unseen: sensors that are blind, lose packets or are away, certificates that end, old rules, full disks. Each matter that needs attention now counts ${String(MATTER_POINTS.critical)} points, one that will soon ${String(MATTER_POINTS.warning)}.`}
      />
    </div>
  );
}

function Alerts() {
  const since = new Date(useMinute() - DAY_MS).toISOString();
  const histogram = useQuery(histogramQuery({ severity: 'low', since }, 'severity', 72));
  return (
    <Section
      title="Alerts of the last 24 hours"
      actions={
        <Button
          size="xs"
          variant="default"
          renderRoot={(props: object) => <Link to="/events" search={{ severity: 'low' }} {...props} />}
        >
          Search them
        </Button>
      }
    >
      <Suspense fallback={<div className="histogram-awaited" />}>
        <Histogram query={histogram} />
      </Suspense>
      <NewestAlerts />
    </Section>
  );
}

function FirstSteps({ mayAdopt }: { mayAdopt: boolean }) {
  return (
    <Page title="Overview">
      <Empty title="This fleet has no sensors yet">
        <p>
          A sensor watches the network from the mirror port of a switch; the fleet shows what all of them see,
          in one place. The first steps:
        </p>
        <ol>
          <li>
            Install Bulkhead on a Linux machine that has a network card on a mirror port. To look around, a
            machine without one does: it brings a lab with live traffic of its own.
          </li>
          <li>Make an adoption code here and type the command that goes with it on that machine.</li>
          <li>See it appear under Sensors, and look at its wiring: packets should be arriving.</li>
        </ol>
        {mayAdopt && (
          <Button renderRoot={(props: object) => <Link to="/sensors" search={{ adopt: 'new' }} {...props} />}>
            Adopt the first sensor
          </Button>
        )}
      </Empty>
    </Page>
  );
}
