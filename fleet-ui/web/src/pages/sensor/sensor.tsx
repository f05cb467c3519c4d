import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useParams } from '@tanstack/react-router';
import { sensorQuery } from '../../api/sensors.ts';
import { Badge } from '../../components/badge.tsx';
import { Page } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { LostLink } from './lost-link.tsx';
import { SensorActions } from './sensor-actions.tsx';
import { standingOf } from '../sensors/standing.ts';
import { useSensor } from './use-sensor.ts';

const TABS = [
  ['/sensors/$sensor', 'Wiring'],
  ['/sensors/$sensor/instruments', 'Instruments'],
  ['/sensors/$sensor/machine', 'Machine'],
  ['/sensors/$sensor/revisions', 'Configuration'],
  ['/sensors/$sensor/data', 'Data'],
  ['/sensors/$sensor/record', 'Record'],
] as const;

/** One sensor: who it is, how it stands, and what is below it. */
export function Sensor() {
  const { sensor } = useParams({ from: '/shell/sensors/$sensor' });
  const known = useQuery(sensorQuery(sensor));
  const { link, status, statusAt, error } = useSensor(sensor);
  const entry = known.data;
  const standing = entry === undefined ? undefined : standingOf(entry, link);
  return (
    <Page
      title={entry?.name ?? sensor}
      above={
        <p className="crumbs">
          <Link to="/sensors">Sensors</Link>
        </p>
      }
      about={
        <span className="line">
          {standing !== undefined && <Badge tone={standing.tone}>{standing.word}</Badge>}
          {entry?.group?.name !== undefined && <span>group {entry.group.name}</span>}
          {status !== undefined && <span>version {status.version}</span>}
          {link?.attached === false && (
            <span>
              last heard <Ago time={link.lastSeen} />
            </span>
          )}
          <span className="mono quiet">{sensor}</span>
        </span>
      }
      actions={entry === undefined ? undefined : <SensorActions sensor={entry} />}
    >
      {known.error !== null && <Problem error={known.error} retry={() => void known.refetch()} />}
      {error !== null && known.error === null && <Problem error={error} />}
      {status !== undefined && status.attention.length > 0 && (
        <div className="card said">
          <h2>{link?.attached === false ? 'When it was last heard, it said' : 'It says'}</h2>
          <ul>
            {status.attention.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </div>
      )}
      {link?.attached === false && (
        <p className="quiet">
          {statusAt === undefined ? (
            'It was not heard since fleetd started.'
          ) : (
            <>
              What is shown is from <Ago time={statusAt} />. A sensor that is away keeps watching and
              recording, and hands over what it recorded when it is back.
            </>
          )}
          {link.ended !== undefined && ` The last link ended: ${link.ended.message}`}
        </p>
      )}
      {link?.attached === false && <LostLink sensor={sensor} link={link} />}
      <nav aria-label="Of this sensor">
        <ul className="tabs">
          {TABS.map(([to, name]) => (
            <li key={to}>
              <Link
                to={to}
                params={{ sensor }}
                activeOptions={{ exact: to === '/sensors/$sensor', includeSearch: false }}
                activeProps={{ 'aria-current': 'page' }}
              >
                {name}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <Outlet />
    </Page>
  );
}
