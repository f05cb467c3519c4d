import { Link } from '@tanstack/react-router';
import { useMay } from '../../api/session.ts';

/** Beside the table of sensors: their groups, and codes for new ones. */
export function SensorTabs() {
  const mayAdopt = useMay('sensors.adopt');
  const current = { 'aria-current': 'page' } as const;
  return (
    <nav aria-label="Of all sensors">
      <ul className="tabs">
        <li>
          <Link to="/sensors" activeOptions={{ exact: true, includeSearch: false }} activeProps={current}>
            Sensors
          </Link>
        </li>
        <li>
          <Link to="/groups" activeProps={current}>
            Groups
          </Link>
        </li>
        {mayAdopt && (
          <li>
            <Link to="/adoption" activeProps={current}>
              Adoption codes
            </Link>
          </li>
        )}
      </ul>
    </nav>
  );
}
