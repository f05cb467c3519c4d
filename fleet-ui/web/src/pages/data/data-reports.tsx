import type { DataReportState } from '@bulkhead/fleet-api';
import { Link } from '@tanstack/react-router';
import { API } from '../../api/http.ts';
import { Badge } from '../../components/badge.tsx';
import { Empty } from '../../components/empty.tsx';
import { Section } from '../../components/page.tsx';
import { FactCard, FactCards } from '../../components/fact-card.tsx';
import { Ago } from '../../components/time.tsx';
import { useNarrow } from '../../components/use-narrow.ts';

/** How new what the fleet knows of each sensor is, and what is wrong with it. */
export function DataReports({ sensors }: { sensors: readonly DataReportState[] }) {
  const isNarrow = useNarrow();
  return (
    <Section
      title="Reports of the sensors"
      note="asked for when a sensor connects, every hour, and when somebody looks"
    >
      {sensors.length === 0 ? (
        <Empty title="No sensor yet">
          <p>As soon as a sensor is adopted, it says here what it keeps.</p>
        </Empty>
      ) : isNarrow ? (
        <FactCards label="Reports of the sensors">
          {sensors.map((one) => (
            <ReportCard key={one.sensor} one={one} />
          ))}
        </FactCards>
      ) : (
        <div className="table-wrap" tabIndex={0} role="region" aria-label="Reports of the sensors">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Sensor</th>
                <th scope="col">Report</th>
                <th scope="col" className="num">
                  Stores
                </th>
                <th scope="col">What it says itself</th>
                <th scope="col">Signed with</th>
              </tr>
            </thead>
            <tbody>
              {sensors.map((one) => (
                <Row key={one.sensor} one={one} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}

function Row({ one }: { one: DataReportState }) {
  return (
    <tr>
      <th scope="row">
        <Name one={one} />
      </th>
      <td>
        <Report one={one} />
      </td>
      <td className="num">{one.copies}</td>
      <td>
        <Matters one={one} />
        {isCalm(one) && 'nothing is wrong'}
      </td>
      <td className="mono">
        {one.key ?? '–'}
        <OtherKey one={one} />
      </td>
    </tr>
  );
}

function ReportCard({ one }: { one: DataReportState }) {
  return (
    <FactCard
      title={<Name one={one} />}
      facts={[
        ['Report', <Report key="report" one={one} />],
        ['Stores', one.copies],
      ]}
      moreLabel="Signed with"
      more={[
        [
          'Fingerprint of its key',
          <span key="key" className="mono">
            {one.key ?? '–'}
          </span>,
        ],
      ]}
    >
      <Matters one={one} />
      <OtherKey one={one} />
      {isCalm(one) && <p className="quiet">It says that nothing is wrong.</p>}
    </FactCard>
  );
}

function Name({ one }: { one: DataReportState }) {
  return (
    <>
      <Link to="/sensors/$sensor/data" params={{ sensor: one.sensor }}>
        {one.name}
      </Link>
      {!one.online && (
        <>
          {' '}
          <Badge tone="idle">away</Badge>
        </>
      )}
    </>
  );
}

function Report({ one }: { one: DataReportState }) {
  return (
    <>
      {one.heardAt === undefined ? (
        <span>{one.isAsked ? 'being asked …' : 'none yet'}</span>
      ) : (
        <a href={`${API}/data/sensors/${one.sensor}/export`} download={`data-report-${one.name}.json`}>
          <Ago time={one.heardAt} />
        </a>
      )}
      {one.problem !== undefined && <div className="text-warn">{one.problem}</div>}
    </>
  );
}

/** What the sensor says itself. */
function Matters({ one }: { one: DataReportState }) {
  return (
    <>
      {one.clockDoubt !== undefined && (
        <div className="text-warn">No age can be trusted: {one.clockDoubt}</div>
      )}
      {one.attention.map((text) => (
        <div key={text} className="text-warn">
          {text}
        </div>
      ))}
    </>
  );
}

function OtherKey({ one }: { one: DataReportState }) {
  if (one.keyChangedAt === undefined) return null;
  return (
    <div className="text-warn">
      another key than before, <Ago time={one.keyChangedAt} />: it was set up anew or replaced, or somebody
      else answers in its place
    </div>
  );
}

function isCalm(one: DataReportState): boolean {
  return one.attention.length === 0 && one.clockDoubt === undefined && one.heardAt !== undefined;
}
