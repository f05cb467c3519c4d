import { BUS_LIMITS } from './limits.ts';
import { SYSTEM_ACCOUNT } from './names.ts';

/** The ciphers that JetStream can store with. */
export type StoreCipher = 'aes' | 'chacha';

/**
 * The cheaper of the two on this processor, from the text of `/proc/cpuinfo`. With AES instructions AES costs a few per
 * cent of the bus' throughput; the server's ChaCha is plain Go on x86 and costs a quarter. A store made with one is
 * converted by the server when it is opened with the other.
 */
export function storeCipher(cpuinfo: string): StoreCipher {
  return /^(?:flags|Features)\s*:.*\baes\b/m.test(cpuinfo) ? 'aes' : 'chacha';
}

/** What a nats-server configuration is made of besides the accounts. */
export interface ServerConfigInput {
  /** Distinguishes the servers of several sensors on one machine in logs. */
  serverName: string;
  port: number;
  storeDir: string;
  logFile: string;
  /** Encryption at rest; undefined stores in the clear. */
  encryption: { key: string; cipher: StoreCipher } | undefined;
  /** From `compileAccounts`. */
  accounts: string;
  /** What binds the server to a fleet's hub. */
  leaf: readonly string[];
}

/**
 * The whole configuration. It may hold the store's key: write it 0600 to memory-backed storage only.
 * Loopback TCP only; monitoring, WebSocket, MQTT, clustering and listening for leaf nodes are off because they are not
 * named.
 */
export function serverConfig(input: ServerConfigInput): string {
  const { encryption: wanted } = input;
  const encryption = wanted === undefined ? [] : [`  key: "${wanted.key}"`, `  cipher: ${wanted.cipher}`];
  return [
    '# Written by the platform; changes are overwritten.',
    `server_name: "${input.serverName}"`,
    `listen: "127.0.0.1:${String(input.port)}"`,
    `system_account: ${SYSTEM_ACCOUNT}`,
    `authorization { timeout: ${String(BUS_LIMITS.authenticationMs / 1000)} }`,
    `max_connections: ${String(BUS_LIMITS.connections)}`,
    `max_payload: ${String(BUS_LIMITS.messageBytes)}`,
    `max_control_line: ${String(BUS_LIMITS.controlLineBytes)}`,
    `max_pending: ${String(BUS_LIMITS.pendingBytes)}`,
    'write_deadline: "5s"',
    'ping_interval: "20s"',
    'ping_max: 3',
    `log_file: "${input.logFile}"`,
    'logfile_size_limit: 4MB',
    'logfile_max_num: 3',
    'jetstream {',
    `  store_dir: "${input.storeDir}"`,
    ...encryption,
    // An acknowledgement must survive power loss; packing many records into a message pays for it.
    '  sync_interval: always',
    '  max_mem: 64MB',
    // Each stream has its own bound; the disk's is checked elsewhere.
    '  max_file: 64TB',
    '}',
    ...input.leaf,
    input.accounts,
  ].join('\n');
}
