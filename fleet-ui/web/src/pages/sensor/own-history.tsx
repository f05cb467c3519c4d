import { useQuery } from '@tanstack/react-query';
import { revisionsQuery } from '../../api/sensor.ts';
import { Badge } from '../../components/badge.tsx';
import { Section } from '../../components/page.tsx';
import { Problem } from '../../components/problem.tsx';
import { Ago } from '../../components/time.tsx';
import { useSensor } from './use-sensor.ts';

const SHOWN = 12;

/** The sensor's own history: also what was changed on the machine itself, past the fleet. */
export function OwnHistory({ sensor }: { sensor: string }) {
  const { attached } = useSensor(sensor);
  const history = useQuery({ ...revisionsQuery(sensor), enabled: attached });
  if (!attached) return null;
  return (
    <Section title="Its own history" note="what the sensor itself has kept, whoever changed it">
      {history.error !== null && <Problem error={history.error} retry={() => void history.refetch()} />}
      {history.data !== undefined && (
        <div className="table-wrap" tabIndex={0} role="region" aria-label="Its own history">
          <table className="table">
            <thead>
              <tr>
                <th scope="col">Number</th>
                <th scope="col">When</th>
                <th scope="col">Who and why</th>
                <th scope="col">Result</th>
              </tr>
            </thead>
            <tbody>
              {[...history.data.revisions]
                .reverse()
                .slice(0, SHOWN)
                .map((one) => (
                  <tr key={one.number}>
                    <th scope="row">
                      {one.number}{' '}
                      {one.number === history.data.current && <Badge tone="good">in force</Badge>}
                    </th>
                    <td className="nowrap">
                      <Ago time={one.time} />
                    </td>
                    <td>
                      {one.author}: {one.reason || one.origin}
                    </td>
                    <td>
                      {one.result === undefined ? 'under way' : one.result.state}
                      {one.result?.error !== undefined && <div className="quiet">{one.result.error}</div>}
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
        </div>
      )}
    </Section>
  );
}
