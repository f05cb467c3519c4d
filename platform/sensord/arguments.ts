import { parseArgs } from 'node:util';
import { BulkheadError, site, type Site } from '../kernel/index.ts';

/** What sensord was told on its command line. */
export interface SensordArguments {
  site: Site;
  configFile: string;
  /** Folder with one built app per package. */
  appsDir: string;
  keyFile: string | undefined;
  passphraseFile: string | undefined;
  logLevel: string;
  /** Only remove what an earlier sensord left in the kernel and in LXD, then end. */
  takeDown: boolean;
  /** With `takeDown`: also the images, the LXD project and its pool. */
  everything: boolean;
}

const USAGE = `Usage: sensord --config FILE --apps DIR [options]

  --config FILE      the sensor's configuration (YAML or JSON)
  --apps DIR         folder with the built packages
  --key-file FILE    opens the sensor key (default: STATE/keys/sensor.key, made at the first start). A path, also on another
                     medium, or UUID=<filesystem>:/path, LABEL=<filesystem>:/path; the sensor waits until it is there
  --passphrase-file FILE  opens the sensor key with the passphrase in FILE: a file of systemd's LoadCredential=, /dev/fd/N
  --state-dir DIR    durable state (default /var/lib/bulkhead)
  --run-dir DIR      sockets and keys in memory (default /run/bulkhead)
  --cache-dir DIR    images, apps, nats-server (default /var/cache/bulkhead)
  --shipped-dir DIR  images, nats-server, packet programs, only read (default: the cache folder)
  --prefix NAME      start of all link and table names (default bh)
  --nats-port PORT   loopback port of the bus (default 4222)
  --lxd-project NAME, --lxd-pool NAME   (default bulkhead)
  --lxd-socket FILE  LXD's socket (default: the known places)
  --log-level LEVEL  debug, info, warn, error (default info)
  --take-down        remove what an earlier sensord left, then end
  --everything       with --take-down: also the images in LXD, its project and its pool

SIGTERM and SIGINT end sensord and leave instruments, mirroring and bus running; the next sensord adopts them.
\`POST /v1/shutdown\` on its socket (and Ctrl-C in scripts/start) takes everything down.
`;

/** Parses the command line. @returns the usage text when help was asked for. @throws BulkheadError SENSORD_USAGE */
export function parseArguments(argv: readonly string[]): SensordArguments | string {
  const text = { type: 'string' } as const;
  let values;
  try {
    ({ values } = parseArgs({
      args: [...argv],
      options: {
        config: text,
        apps: text,
        'key-file': text,
        'passphrase-file': text,
        'state-dir': text,
        'run-dir': text,
        'cache-dir': text,
        'shipped-dir': text,
        prefix: text,
        'nats-port': text,
        'lxd-project': text,
        'lxd-pool': text,
        'lxd-socket': text,
        'log-level': { ...text, default: 'info' },
        'take-down': { type: 'boolean', default: false },
        everything: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false, short: 'h' },
      },
    }));
  } catch (cause) {
    throw usage(cause instanceof Error ? cause.message : String(cause));
  }
  if (values.help) return USAGE;
  if (!values['take-down'] && (values.config === undefined || values.apps === undefined)) {
    throw usage('--config and --apps are needed');
  }
  const natsPort = values['nats-port'] === undefined ? undefined : Number(values['nats-port']);
  if (natsPort !== undefined && !(Number.isInteger(natsPort) && natsPort > 0 && natsPort < 65_536)) {
    throw usage('--nats-port must be a port number');
  }
  return {
    site: site({
      ...given('stateDir', values['state-dir']),
      ...given('runDir', values['run-dir']),
      ...given('cacheDir', values['cache-dir']),
      ...given('shippedDir', values['shipped-dir']),
      ...given('prefix', values.prefix),
      ...given('natsPort', natsPort),
      ...given('lxdProject', values['lxd-project']),
      ...given('lxdPool', values['lxd-pool']),
      ...given('lxdSocket', values['lxd-socket']),
    }),
    configFile: values.config ?? '',
    appsDir: values.apps ?? '',
    keyFile: values['key-file'],
    passphraseFile: values['passphrase-file'],
    logLevel: values['log-level'],
    takeDown: values['take-down'],
    everything: values.everything,
  };
}

function given<K extends keyof Site>(key: K, value: Site[K] | undefined): Partial<Site> {
  return value === undefined ? {} : { [key]: value };
}

function usage(message: string): BulkheadError {
  return new BulkheadError({ code: 'SENSORD_USAGE', message, hint: 'See sensord --help.' });
}
