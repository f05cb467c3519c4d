import { Link, Outlet } from '@tanstack/react-router';
import { Page } from '../../components/page.tsx';
import './settings.css';

const TABS = [
  ['/settings', 'This fleet'],
  ['/settings/notifications', 'Notifications'],
  ['/settings/certificates', 'Certificates'],
  ['/settings/backup', 'Backup'],
] as const;

/** How the fleet itself is, whom it tells, what it keeps, and where it is configured. */
export function Settings() {
  return (
    <Page
      title="Settings"
      needs="settings.manage"
      about="Names, addresses, certificate and single sign-on stand in a file on the fleet’s machine, so that nobody can change them from a browser. The rest is set here."
    >
      <nav aria-label="Parts of the settings">
        <ul className="tabs">
          {TABS.map(([to, name]) => (
            <li key={to}>
              <Link to={to} activeOptions={{ exact: true }} activeProps={{ 'aria-current': 'page' }}>
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
