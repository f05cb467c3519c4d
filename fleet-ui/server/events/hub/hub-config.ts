import { UPLINK_INBOX, uplinkSubjects } from '@bulkhead/platform/contracts';

/** Names in the hub's configuration. */
export const HUB_NAMES = Object.freeze({
  system: 'SYS',
  fleet: 'FLEET',
  stream: 'UP',
  consumer: 'ingest',
});

/** Bounds of what one sensor may do at the hub. Times in seconds, sizes in bytes. */
export const HUB_LIMITS = Object.freeze({
  messageBytes: 1024 * 1024,
  authenticationS: 5,
  /** Two, so that a new link need not wait for the end of the old one to be noticed. */
  linksPerSensor: 2,
  subscriptionsPerSensor: 64,
});

/** Account of a sensor; sensor ids have no characters that would need quoting. */
export function sensorAccount(sensor: string): string {
  return `S_${sensor}`;
}

/** This server as one of several; each runs beside a `fleetd` of its own. */
export interface HubCluster {
  /** Distinguishes the server from the others. */
  serverName: string;
  /** Where the others reach this one: `host:port`. */
  listen: string;
  /** All servers, `host:port`; this one may be among them. */
  routes: readonly string[];
  /** What the servers prove themselves to each other with. */
  secret: string;
  /** PEM files; without them the servers speak in the clear, which is for one machine only. */
  tls?: { cert: string; key: string; ca: string } | undefined;
}

/** What a configuration is made of. */
export interface HubConfigInput {
  serverName: string;
  clientPort: number;
  leafPort: number;
  storeDir: string;
  logFile: string;
  /** Public keys of the two users of `fleetd`. */
  keys: { system: string; fleet: string };
  /** Sensor id → public key of its uplink. */
  sensors: ReadonlyMap<string, string>;
  /** Sensors whose account exists but has no import yet: see {@link withBareNewcomers}. */
  bare: ReadonlySet<string>;
  cluster?: HubCluster | undefined;
}

/**
 * The hub's whole configuration; the same input gives the same text. Loopback only, but for the routes of a cluster.
 *
 * One account for each sensor: its user may say `up.<sensor>.>` and nothing else, and that reaches the fleet's account by a
 * service import alone. JetStream is the fleet's; a sensor's account has none, and no way to its API.
 */
export function hubConfig(input: HubConfigInput): string {
  const sensors = [...input.sensors].sort(([a], [b]) => (a < b ? -1 : 1));
  const full = sensors.filter(([sensor]) => !input.bare.has(sensor));
  return [
    '# Written by fleetd; changes are overwritten.',
    `server_name: "${input.serverName}"`,
    `listen: "127.0.0.1:${String(input.clientPort)}"`,
    // No compression: what a sensor may send is counted by its bytes on the way, and a flood of nothing packs to nothing.
    `leafnodes { listen: "127.0.0.1:${String(input.leafPort)}", compression: off, authorization { timeout: ${String(HUB_LIMITS.authenticationS)} } }`,
    `system_account: ${HUB_NAMES.system}`,
    `authorization { timeout: ${String(HUB_LIMITS.authenticationS)} }`,
    `max_payload: ${String(HUB_LIMITS.messageBytes)}`,
    'write_deadline: "10s"',
    'ping_interval: "20s"',
    'ping_max: 3',
    `log_file: "${input.logFile}"`,
    'logfile_size_limit: 4MB',
    'logfile_max_num: 3',
    // An acknowledgement lets the sensor forget: it must survive the loss of power here.
    `jetstream { store_dir: "${input.storeDir}", sync_interval: always, max_mem: 64MB, max_file: 64TB }`,
    ...clusterLines(input.cluster),
    'accounts {',
    `  ${HUB_NAMES.system} { users: [ { nkey: ${input.keys.system} } ] }`,
    `  ${HUB_NAMES.fleet} {`,
    '    jetstream: enabled',
    `    users: [ { nkey: ${input.keys.fleet} } ]`,
    '    exports: [',
    ...full.map(
      ([sensor]) =>
        `      { service: "${uplinkSubjects(sensor)}", response_threshold: "60s", accounts: ["${sensorAccount(sensor)}"] }`,
    ),
    '    ]',
    '  }',
    ...sensors.map(([sensor, key]) => sensorLines(sensor, key, input.bare.has(sensor))),
    '}',
    '',
  ].join('\n');
}

function sensorLines(sensor: string, key: string, bare: boolean): string {
  const subject = uplinkSubjects(sensor);
  const imports = bare
    ? ''
    : ` imports: [ { service: { account: ${HUB_NAMES.fleet}, subject: "${subject}" } } ]`;
  return [
    `  "${sensorAccount(sensor)}" {`,
    `    limits: { max_connections: ${String(HUB_LIMITS.linksPerSensor)}, max_leafnodes: ${String(HUB_LIMITS.linksPerSensor)},` +
      ` max_subscriptions: ${String(HUB_LIMITS.subscriptionsPerSensor)}, max_payload: ${String(HUB_LIMITS.messageBytes)} }`,
    `    users: [ { nkey: ${key}, allowed_connection_types: ["LEAFNODE"], permissions: { publish: { allow: ["${subject}"] },` +
      ` subscribe: { allow: ["${UPLINK_INBOX}.>"] } } } ]`,
    ...(imports === '' ? [] : [`   ${imports}`]),
    '  }',
  ].join('\n');
}

function clusterLines(cluster: HubCluster | undefined): string[] {
  if (cluster === undefined) return [];
  const { tls } = cluster;
  const secret = JSON.stringify(cluster.secret);
  const routes = cluster.routes.map(
    (route) => `"nats://fleet:${encodeURIComponent(cluster.secret)}@${route}"`,
  );
  return [
    'cluster {',
    '  name: fleet',
    `  listen: "${cluster.listen}"`,
    `  authorization { user: fleet, password: ${secret}, timeout: ${String(HUB_LIMITS.authenticationS)} }`,
    `  routes: [ ${routes.join(', ')} ]`,
    ...(tls === undefined
      ? []
      : [
          `  tls { cert_file: ${JSON.stringify(tls.cert)}, key_file: ${JSON.stringify(tls.key)}, ca_file: ${JSON.stringify(tls.ca)}, verify: true }`,
        ]),
    '}',
  ];
}
