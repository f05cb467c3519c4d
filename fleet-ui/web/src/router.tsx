import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
} from '@tanstack/react-router';
import { Crashed, NotFound } from './pages/lost.tsx';
import { Shell } from './components/shell.tsx';

/** Text of an address that a page understands; anything else in it is dropped. */
function texts<K extends string>(...names: readonly K[]) {
  return (search: Record<string, unknown>): Partial<Record<K, string>> =>
    Object.fromEntries(
      names.flatMap((name) => {
        const value = search[name];
        if (typeof value === 'string' && value !== '') return [[name, value]];
        return typeof value === 'number' ? [[name, String(value)]] : [];
      }),
    ) as Partial<Record<K, string>>;
}

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound });
const signIn = createRoute({
  getParentRoute: () => root,
  path: '/sign-in',
  validateSearch: texts('next', 'failed'),
  component: lazyRouteComponent(() => import('./pages/session/sign-in.tsx'), 'SignIn'),
});
const setUp = createRoute({
  getParentRoute: () => root,
  path: '/set-up',
  component: lazyRouteComponent(() => import('./pages/session/set-up.tsx'), 'SetUp'),
});
const invitation = createRoute({
  getParentRoute: () => root,
  path: '/invitation',
  component: lazyRouteComponent(() => import('./pages/session/invitation.tsx'), 'AcceptInvitation'),
});
const shell = createRoute({ getParentRoute: () => root, id: 'shell', component: Shell });
const overview = createRoute({
  getParentRoute: () => shell,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/overview/overview.tsx'), 'Overview'),
});
const sensors = createRoute({
  getParentRoute: () => shell,
  path: '/sensors',
  validateSearch: texts('group', 'state', 'find', 'adopt'),
  component: lazyRouteComponent(() => import('./pages/sensors/sensors.tsx'), 'Sensors'),
});
const groups = createRoute({
  getParentRoute: () => shell,
  path: '/groups',
  component: lazyRouteComponent(() => import('./pages/groups/groups.tsx'), 'Groups'),
});
const adoption = createRoute({
  getParentRoute: () => shell,
  path: '/adoption',
  component: lazyRouteComponent(() => import('./pages/sensors/adoption.tsx'), 'Adoption'),
});
const sensor = createRoute({
  getParentRoute: () => shell,
  path: '/sensors/$sensor',
  component: lazyRouteComponent(() => import('./pages/sensor/sensor.tsx'), 'Sensor'),
});
const wiring = createRoute({
  getParentRoute: () => sensor,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/sensor/wiring.tsx'), 'Wiring'),
});
const machine = createRoute({
  getParentRoute: () => sensor,
  path: '/machine',
  component: lazyRouteComponent(() => import('./pages/sensor/machine.tsx'), 'Machine'),
});
const instruments = createRoute({
  getParentRoute: () => sensor,
  path: '/instruments',
  component: lazyRouteComponent(() => import('./pages/instruments/instruments.tsx'), 'Instruments'),
});
const instrument = createRoute({
  getParentRoute: () => sensor,
  path: '/instruments/$instrument',
  component: lazyRouteComponent(() => import('./pages/instruments/instrument.tsx'), 'Instrument'),
});
const revisions = createRoute({
  getParentRoute: () => sensor,
  path: '/revisions',
  validateSearch: texts('show'),
  component: lazyRouteComponent(() => import('./pages/sensor/revisions.tsx'), 'Revisions'),
});
const data = createRoute({
  getParentRoute: () => sensor,
  path: '/data',
  component: lazyRouteComponent(() => import('./pages/sensor/data.tsx'), 'SensorData'),
});
const record = createRoute({
  getParentRoute: () => sensor,
  path: '/record',
  component: lazyRouteComponent(() => import('./pages/sensor/record.tsx'), 'CommissioningRecord'),
});
const events = createRoute({
  getParentRoute: () => shell,
  path: '/events',
  validateSearch: texts(
    'text',
    'sensor',
    'instrument',
    'type',
    'severity',
    'address',
    'name',
    'signature',
    'flow',
    'handled',
    'owner',
    'suppressed',
    'show',
    'guide',
    'range',
    'since',
    'until',
  ),
  component: lazyRouteComponent(() => import('./pages/events/events.tsx'), 'Events'),
});
const assets = createRoute({
  getParentRoute: () => shell,
  path: '/assets',
  validateSearch: texts('text', 'sensor', 'kind', 'sort', 'alerts'),
  component: lazyRouteComponent(() => import('./pages/assets/assets.tsx'), 'Assets'),
});
const fleetData = createRoute({
  getParentRoute: () => shell,
  path: '/data',
  validateSearch: texts('text', 'at', 'sort', 'faults'),
  component: lazyRouteComponent(() => import('./pages/data/data.tsx'), 'Data'),
});
const imports = createRoute({
  getParentRoute: () => shell,
  path: '/import',
  component: lazyRouteComponent(() => import('./pages/import/import.tsx'), 'Import'),
});
const people = createRoute({
  getParentRoute: () => shell,
  path: '/people',
  component: lazyRouteComponent(() => import('./pages/people/people.tsx'), 'People'),
});
const account = createRoute({
  getParentRoute: () => shell,
  path: '/account',
  component: lazyRouteComponent(() => import('./pages/people/account.tsx'), 'Account'),
});
const audit = createRoute({
  getParentRoute: () => shell,
  path: '/audit',
  validateSearch: texts('person', 'action', 'outcome'),
  component: lazyRouteComponent(() => import('./pages/audit/audit.tsx'), 'Audit'),
});
const settings = createRoute({
  getParentRoute: () => shell,
  path: '/settings',
  component: lazyRouteComponent(() => import('./pages/settings/settings.tsx'), 'Settings'),
});
const thisFleet = createRoute({
  getParentRoute: () => settings,
  path: '/',
  component: lazyRouteComponent(() => import('./pages/settings/this-fleet.tsx'), 'ThisFleet'),
});
const notifications = createRoute({
  getParentRoute: () => settings,
  path: '/notifications',
  component: lazyRouteComponent(() => import('./pages/settings/notifications.tsx'), 'Notifications'),
});
const certificates = createRoute({
  getParentRoute: () => settings,
  path: '/certificates',
  component: lazyRouteComponent(() => import('./pages/settings/certificates.tsx'), 'Certificates'),
});
const backup = createRoute({
  getParentRoute: () => settings,
  path: '/backup',
  component: lazyRouteComponent(() => import('./pages/settings/backup.tsx'), 'Backup'),
});

const routeTree = root.addChildren([
  signIn,
  setUp,
  invitation,
  shell.addChildren([
    overview,
    sensors,
    groups,
    adoption,
    sensor.addChildren([wiring, instruments, instrument, machine, revisions, data, record]),
    events,
    assets,
    fleetData,
    imports,
    people,
    account,
    audit,
    settings.addChildren([thisFleet, notifications, certificates, backup]),
  ]),
]);

/** Each page is a file of its own, fetched when somebody goes there (or points at it). */
export function openRouter() {
  return createRouter({
    routeTree,
    defaultPreload: 'intent',
    defaultErrorComponent: Crashed,
    defaultNotFoundComponent: NotFound,
    scrollRestoration: false,
  });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof openRouter>;
  }
}
