import type { Budget } from './budget.ts';
import type { Options } from './options.ts';
import { THRESHOLD_FILE } from './rule-files.ts';

/** Where one run of Suricata reads and writes; all absolute. */
export interface ConfigPaths {
  /** The one folder that Suricata may write to. */
  runDir: string;
  /** Holds this configuration and, below it, every generation of rules; Suricata may read it. */
  configDir: string;
  /** Folder of the rules of this generation, below `configDir`; `threshold.config` is there too. */
  rulesDir: string;
  /** Relative to `rulesDir`. */
  ruleFiles: readonly string[];
  /** Where EVE records are written: a named pipe, or a file in comparisons that read it afterwards. */
  evePath: string;
  /** Suricata's command socket; undefined = none (a test of rules). */
  commandSocket: string | undefined;
}

/** A mirror port. */
export interface CaptureInterface {
  name: string;
  /** Suricata makes every place in its capture ring as large as a frame of this size. */
  mtu: number;
}

/** All that decides the configuration. */
export interface ConfigInput {
  options: Options;
  paths: ConfigPaths;
  interfaces: readonly CaptureInterface[];
  budget: Budget;
  /** False for a run that ends by itself (a test of rules). */
  landlock: boolean;
}

/** Debian's variables; HOME_NET is the operator's. */
const ADDRESS_GROUPS: Readonly<Record<string, string>> = {
  EXTERNAL_NET: '!$HOME_NET',
  HTTP_SERVERS: '$HOME_NET',
  SMTP_SERVERS: '$HOME_NET',
  SQL_SERVERS: '$HOME_NET',
  DNS_SERVERS: '$HOME_NET',
  TELNET_SERVERS: '$HOME_NET',
  AIM_SERVERS: '$EXTERNAL_NET',
  DC_SERVERS: '$HOME_NET',
  DNP3_SERVER: '$HOME_NET',
  DNP3_CLIENT: '$HOME_NET',
  MODBUS_CLIENT: '$HOME_NET',
  MODBUS_SERVER: '$HOME_NET',
  ENIP_CLIENT: '$HOME_NET',
  ENIP_SERVER: '$HOME_NET',
};
const PORT_GROUPS: Readonly<Record<string, string>> = {
  HTTP_PORTS: '80',
  SHELLCODE_PORTS: '!80',
  ORACLE_PORTS: '1521',
  SSH_PORTS: '22',
  DNP3_PORTS: '20000',
  MODBUS_PORTS: '502',
  FILE_DATA_PORTS: '[$HTTP_PORTS,110,143]',
  FTP_PORTS: '21',
  GENEVE_PORTS: '6081',
  VXLAN_PORTS: '4789',
  TEREDO_PORTS: '3544',
};

/** Memory of the capture rings of all threads together; host memory, not charged to the container. */
const RING_MIB = 64;
const BLOCK_BYTES = 262_144; // larger than a whole reassembled IP packet
/** Headers of the ring, of Ethernet and of VLAN tags, in each place of the ring. */
const FRAME_HEAD_BYTES = 128;

/**
 * Fills Suricata's configuration template. Every value is either a number, a fixed word or a JSON string, so no option
 * can add a line of YAML.
 * @throws RangeError when the template has a place that nothing fills, or the other way round (a defect of the app)
 */
export function renderConfig(template: string, input: ConfigInput): string {
  const { options, paths } = input;
  const values: Record<string, string> = {
    addressGroups: JSON.stringify({
      ...ADDRESS_GROUPS,
      ...joined(options.addressGroups),
      HOME_NET: list(options.homeNet),
    }),
    portGroups: JSON.stringify({ ...PORT_GROUPS, ...joined(options.portGroups) }),
    runDir: JSON.stringify(paths.runDir),
    configDir: JSON.stringify(paths.configDir),
    rulesDir: JSON.stringify(paths.rulesDir),
    ruleFiles: JSON.stringify(paths.ruleFiles),
    thresholdFile: JSON.stringify(`${paths.rulesDir}/${THRESHOLD_FILE}`),
    evePath: JSON.stringify(paths.evePath),
    commandSocket: JSON.stringify(paths.commandSocket ?? ''),
    commandSocketEnabled: yes(paths.commandSocket !== undefined),
    statsIntervalS: String(options.statsIntervalS),
    alertPayload: yes(options.alertPayload),
    industrialProtocols: yes(options.industrialProtocols),
    databaseProtocols: yes(options.databaseProtocols),
    industrialOutputs: options.industrialProtocols ? '        - modbus\n        - dnp3\n' : '',
    checksumChecks: checksumChecks(options),
    checksumValidation: yes(options.checksums !== 'ignore'),
    landlock: yes(input.landlock),
    capture: renderCapture(input),
    ...memcaps(input.budget.memoryMib),
  };
  const used = new Set<string>();
  const text = template.replace(/\{\{([a-zA-Z]+)\}\}/g, (whole, name: string) => {
    const value = values[name];
    if (value === undefined) return fail(`nothing fills ${whole}`);
    used.add(name);
    return value;
  });
  for (const name of Object.keys(values)) if (!used.has(name)) fail(`the template has no place {{${name}}}`);
  return text;
}

/** Threads that capture from each interface. */
export function threadsPerInterface(input: Pick<ConfigInput, 'options' | 'interfaces' | 'budget'>): number {
  return (
    input.options.threads ??
    Math.max(1, Math.min(32, Math.floor(input.budget.cores / Math.max(1, input.interfaces.length))))
  );
}

function renderCapture(input: ConfigInput): string {
  const threads = threadsPerInterface(input);
  const ringBytes = (RING_MIB * 2 ** 20) / Math.max(1, input.interfaces.length * threads);
  const lines = input.interfaces.flatMap(({ name, mtu }, index) => [
    `  - interface: ${JSON.stringify(name)}`,
    `    threads: ${String(threads)}`,
    `    cluster-id: ${String(90 + index)}`,
    `    cluster-type: cluster_flow`,
    `    defrag: yes`,
    `    use-mmap: yes`,
    `    mmap-locked: no`,
    `    tpacket-v3: yes`,
    `    block-size: ${String(BLOCK_BYTES)}`,
    `    block-timeout: 10`,
    `    ring-size: ${String(Math.max(256, Math.floor(ringBytes / (mtu + FRAME_HEAD_BYTES))))}`,
    // A mirror port hands over every frame as it is; asking for more would only change the link's state.
    `    disable-promisc: yes`,
    `    checksum-checks: ${checksumChecks(input.options)}`,
  ]);
  return lines.length === 0 ? '' : `af-packet:\n${lines.join('\n')}\n`;
}

/** Shares of the container's memory, a fifth in all; the detection engine and a second one during a reload need the rest. */
function memcaps(memoryMib: number): Record<string, string> {
  const share = (part: number, leastMib: number, mostMib: number): string =>
    `${String(Math.min(mostMib, Math.max(leastMib, Math.floor(memoryMib * part))))}mb`;
  return {
    flowMemcap: share(0.04, 32, 2048),
    streamMemcap: share(0.02, 16, 1024),
    reassemblyMemcap: share(0.08, 48, 8192),
    defragMemcap: share(0.01, 16, 256),
    hostMemcap: share(0.01, 8, 256),
    httpMemcap: share(0.03, 16, 1024),
  };
}

function checksumChecks(options: Options): string {
  return { kernel: 'kernel', strict: 'yes', ignore: 'no' }[options.checksums];
}

function yes(value: boolean): 'yes' | 'no' {
  return value ? 'yes' : 'no';
}

function list(members: readonly string[]): string {
  return `[${members.join(',')}]`;
}

function joined(groups: Readonly<Record<string, readonly string[]>>): Record<string, string> {
  return Object.fromEntries(Object.entries(groups).map(([name, members]) => [name, list(members)]));
}

function fail(why: string): never {
  throw new RangeError(`suricata.yaml: ${why}`);
}
