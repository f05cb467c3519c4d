import { Link } from '@tanstack/react-router';
import type { GrantedRight } from '@bulkhead/fleet-api';
import { holds, usePerson } from '../api/session.ts';
import { Icon, type IconName } from './icon.tsx';

interface Place {
  to: '/' | '/sensors' | '/events' | '/assets' | '/data' | '/import' | '/people' | '/audit' | '/settings';
  name: string;
  icon: IconName;
  /** Shown to who holds it somewhere. */
  right?: GrantedRight;
}

const PLACES: readonly Place[] = [
  { to: '/', name: 'Overview', icon: 'overview' },
  { to: '/sensors', name: 'Sensors', icon: 'sensors', right: 'sensors.read' },
  { to: '/events', name: 'Events', icon: 'events', right: 'events.read' },
  { to: '/assets', name: 'Assets', icon: 'assets', right: 'events.read' },
  { to: '/data', name: 'Data', icon: 'data', right: 'sensors.read' },
  { to: '/import', name: 'Import', icon: 'import', right: 'sensors.operate' },
  { to: '/people', name: 'People', icon: 'people', right: 'people.manage' },
  { to: '/audit', name: 'Audit', icon: 'audit', right: 'audit.read' },
  { to: '/settings', name: 'Settings', icon: 'settings', right: 'settings.manage' },
];

/** Where one can go; what one may not see is not offered. */
export function Navigation({ onGo }: { onGo?: () => void }) {
  const person = usePerson();
  return (
    <nav aria-label="Main">
      <p className="brand">
        <img src="/icon.svg" alt="" width="22" height="22" /> Bulkhead
      </p>
      <ul className="nav">
        {PLACES.filter(({ right }) => right === undefined || holds(person, right)).map(
          ({ to, name, icon }) => (
            <li key={to}>
              <Link
                to={to}
                activeOptions={{ exact: to === '/', includeSearch: false }}
                activeProps={{ 'aria-current': 'page' }}
                {...(onGo === undefined ? {} : { onClick: onGo })}
              >
                <Icon name={icon} />
                {name}
              </Link>
            </li>
          ),
        )}
      </ul>
    </nav>
  );
}
