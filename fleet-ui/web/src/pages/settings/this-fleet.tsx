import type { About, Health } from '@bulkhead/fleet-api';
import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { get } from '../../api/http.ts';
import { Badge } from '../../components/badge.tsx';
import { Loaded } from '../../components/loaded.tsx';
import { Section } from '../../components/page.tsx';
import { EventStore } from './event-store.tsx';

const aboutQuery = queryOptions({ queryKey: ['about'], queryFn: () => get<About>('/about') });
const healthQuery = queryOptions({
  queryKey: ['health'],
  queryFn: () => get<Health>('/health'),
  refetchInterval: 15_000,
});

/** What this fleet is, what it keeps, and who says what comes here. */
export function ThisFleet() {
  const about = useQuery(aboutQuery);
  const health = useQuery(healthQuery);
  return (
    <>
      <div className="columns">
        <Section title="This fleet">
          <div className="card">
            <Loaded query={about} what="the fleet">
              {(value) => (
                <dl className="facts">
                  <dt>State</dt>
                  <dd>
                    <Badge tone={health.data?.state === 'ok' ? 'good' : 'warn'}>
                      {health.data?.state ?? 'not known'}
                    </Badge>
                  </dd>
                  <dt>Version</dt>
                  <dd>{value.version}</dd>
                  <dt>Pages of instruments</dt>
                  <dd className="mono">{`<instrument>.<sensor>.${value.baseDomain}`}</dd>
                  <dt>Configuration file</dt>
                  <dd>
                    <code>fleetd.yaml</code>: names, addresses, certificate, single sign-on, and what holds
                    where nothing is set here. fleetd reads it when it starts.
                  </dd>
                </dl>
              )}
            </Loaded>
          </div>
        </Section>
        <Section title="What sensors send">
          <div className="card">
            <p>
              Which types of event a sensor sends here, and which of their fields, is part of that sensor’s
              own configuration: <code>uplink</code>. The sensor leaves out the rest before anything leaves
              it, so nothing that is set here can get it.
            </p>
            <p>
              Change it for many sensors in their <Link to="/groups">group</Link>, or for one under its{' '}
              <Link to="/sensors">Configuration</Link>.
            </p>
          </div>
        </Section>
      </div>
      <EventStore />
    </>
  );
}
