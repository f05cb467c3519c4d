import { isIP, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import {
  CapabilitySchema,
  CommandNameSchema,
  DeviceSchema,
  EventTypeSchema,
  NameSchema,
  RESERVED_NAMES,
} from './names.ts';
import { EventsConfigSchema, UplinkConfigSchema } from './events-config.ts';
import { DownloadGrantSchema, EgressGrantSchema, HostSchema, ResourceNameSchema } from './egress.ts';
import { LimitsSchema } from './manifest.ts';

/** Rights that the operator gave one instrument. Absent = none. Effective right = asked (manifest) ∩ granted. */
export const GrantsSchema = z.strictObject({
  capabilities: z.array(CapabilitySchema).max(8).default([]),
  publish: z.array(EventTypeSchema).max(64).default([]),
  /** `from` is an instrument's name on this sensor (the manifest names packages). */
  read: z
    .array(z.strictObject({ from: NameSchema, type: EventTypeSchema }))
    .max(256)
    .default([]),
  send: z
    .array(z.strictObject({ to: NameSchema, command: CommandNameSchema }))
    .max(256)
    .default([]),
  /** Where it may send to on its active interfaces. */
  egress: z.array(EgressGrantSchema).max(256).default([]),
  /** Downloads approved for it. */
  downloads: z.array(DownloadGrantSchema).max(64).default([]),
  /** Instruments that it may hand files to. */
  deliver: z
    .array(z.strictObject({ to: NameSchema }))
    .max(64)
    .default([]),
  /** May fetch the approved downloads of all instruments; what they take is all that it may reach. */
  fetch: z.boolean().default(false),
  /** Its web page may be opened, by people whom the sensor lets through. */
  ui: z.boolean().default(false),
});
export type Grants = z.output<typeof GrantsSchema>;

/** How an instrument stands in the network behind an active interface. */
export const ActiveWiringSchema = z.strictObject({
  /** Which active interface. */
  interface: NameSchema,
  /** Address with prefix length, or `dhcp`. IPv4. */
  address: z.union([z.literal('dhcp'), z.cidrv4()], 'must be `dhcp` or an address with its prefix length'),
  /** Next hop to everything beyond the link. Absent = only the link, or what DHCP says. */
  gateway: z.ipv4().optional(),
});
export type ActiveWiring = z.output<typeof ActiveWiringSchema>;

/**
 * A way out for instruments. `dedicated`: one instrument alone stands behind the network interface `device`. `bridged`: several
 * do, on the existing bridge `device`, kept apart from each other.
 */
const ActiveInterfaceSchema = z.strictObject({
  name: NameSchema,
  kind: z.enum(['dedicated', 'bridged']),
  device: DeviceSchema,
  /** Only frames of this VLAN (802.1Q), tagged on the wire and plain for the instrument. */
  vlan: z.int().min(1).max(4094).optional(),
});
export type ActiveInterfaceConfig = z.output<typeof ActiveInterfaceSchema>;

const InstrumentSchema = z.strictObject({
  /** Unique on the sensor; also its name on the bus. */
  name: NameSchema.refine((name) => !RESERVED_NAMES.includes(name), 'is reserved for the platform'),
  /** Which package it runs. */
  package: NameSchema,
  enabled: z.boolean().default(true),
  /** Interface name in the manifest -> monitor interface whose copies it gets (or, for the capture engine, serves). */
  interfaces: z.record(z.string().max(10), NameSchema).default({}),
  /** Interface name in the manifest -> active interface that it sends through, with its addressing there. */
  active: z.record(z.string().max(10), ActiveWiringSchema).default({}),
  grants: GrantsSchema.prefault({}),
  /** Handed to the instrument as they are; it validates them. At most 64 KiB as JSON. */
  options: z
    .record(z.string().max(64), z.json())
    .default({})
    .refine((value) => JSON.stringify(value).length <= 65_536, 'is larger than 64 KiB'),
  /** File name below the instrument's resources -> absolute file on the sensor that the platform copies there. */
  resources: z.record(ResourceNameSchema, z.string().startsWith('/').max(4096)).default({}),
  limits: LimitsSchema.partial().default({}),
  volumeMib: z.int().min(32).max(16_777_216).optional(),
});
export type InstrumentConfig = z.output<typeof InstrumentSchema>;

/** When a loss on the way from the wire to the tools is told. */
export const LedgerSettingsSchema = z.strictObject({
  /** Of what came into a stage within a minute; 0 = from the first one on. */
  thresholdPercent: z.number().min(0).max(100).default(1),
  /** A minute with fewer lost than this is not told. */
  minimumPackets: z.int().min(1).max(1_000_000_000).default(10),
});
export type LedgerSettings = z.output<typeof LedgerSettingsSchema>;

/** What is expected of the traffic itself. What is absent is learned, or has a wide default. */
export const FeedSettingsSchema = z.strictObject({
  enabled: z.boolean().default(true),
  /** This long without a packet, or without one of an expected VLAN, is an alarm. */
  silenceS: z.int().min(2).max(604_800).default(300),
  /** VLANs that must be there. Absent = those that were there while it learned. */
  expectVlans: z.array(z.int().min(1).max(4094)).max(4094).optional(),
  minPacketsPerSecond: z.number().min(0).max(1e9).optional(),
  /** Of the conversations that are observed. */
  oneSidedPercent: z.number().min(1).max(100).default(50),
  /** Of the packets that are sampled. */
  duplicatePercent: z.number().min(1).max(100).default(20),
  /** How long the usual rate and the usual VLANs are learned before they are judged. */
  learningS: z.int().min(1).max(31_536_000).default(86_400),
});
export type FeedSettings = z.output<typeof FeedSettingsSchema>;

const MonitorInterfaceSchema = z.strictObject({
  name: NameSchema,
  device: DeviceSchema,
  ledger: LedgerSettingsSchema.prefault({}),
  feed: FeedSettingsSchema.prefault({}),
});
export type MonitorInterfaceConfig = z.output<typeof MonitorInterfaceSchema>;

/** `192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. */
function isDnsServer(text: string): boolean {
  if (isIP(text) !== 0) return true;
  const [, six = '', four = '', port = ''] = /^(?:\[([^\]]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text) ?? [];
  return (isIPv6(six) || isIPv4(four)) && Number(port) > 0 && Number(port) < 65_536;
}

/** The one document that says what a sensor should be. */
export const SensorConfigSchema = z
  .strictObject({
    version: z.literal(1),
    sensor: z.strictObject({ name: NameSchema }),
    monitorInterfaces: z.array(MonitorInterfaceSchema).max(16).default([]),
    activeInterfaces: z.array(ActiveInterfaceSchema).max(16).default([]),
    /** How the platform resolves the names of granted destinations. Absent servers = those of the machine. */
    dns: z
      .strictObject({
        servers: z
          .array(z.string().refine(isDnsServer, 'must be an IP address, with a port where it is not 53'))
          .max(4)
          .default([]),
      })
      .prefault({}),
    downloads: z
      .strictObject({
        /** HTTP proxy that the downloader goes through. Its host counts as an approved destination. */
        proxy: z
          .strictObject({
            host: HostSchema,
            port: z.int().min(1).max(65_535),
            privateAddress: z.boolean().default(false),
          })
          .optional(),
      })
      .prefault({}),
    instruments: z.array(InstrumentSchema).max(64).default([]),
    bus: z
      .strictObject({
        /** Size of each instrument's stream. */
        streamMib: z.int().min(16).max(1_048_576).default(256),
        encrypt: z.boolean().default(true),
      })
      .prefault({}),
    events: EventsConfigSchema.prefault({}),
    uplink: UplinkConfigSchema.prefault({}),
    detectionCheck: z
      .strictObject({
        enabled: z.boolean().default(true),
        intervalS: z.int().min(5).max(86_400).default(60),
        /** A check whose alert is not back by then counts as missed. */
        timeoutS: z.int().min(1).max(600).default(20),
      })
      .prefault({}),
    /** Figures for Prometheus. A unix socket is always there; a port only when both `listen` and `tokenFile` are. */
    metrics: z
      .strictObject({
        /** Group of the machine that may use the socket beside root. */
        socketGroup: z
          .string()
          .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
          .optional(),
        /** Address and port, e.g. `127.0.0.1:9464`. */
        listen: z
          .string()
          .regex(/^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\]):\d{1,5}$/, 'must be an IP address and a port')
          .optional(),
        /** File with the bearer token that is asked for on the port. */
        tokenFile: z.string().startsWith('/').max(4096).optional(),
      })
      .refine(({ listen, tokenFile }) => (listen === undefined) === (tokenFile === undefined), {
        message: 'needs both listen and tokenFile, or neither: nothing listens without a token',
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    unique(config.monitorInterfaces, 'monitorInterfaces', (m) => m.name, 'name', context);
    unique(config.monitorInterfaces, 'monitorInterfaces', (m) => m.device, 'device', context);
    unique(config.instruments, 'instruments', (i) => i.name, 'name', context);
    unique(config.activeInterfaces, 'activeInterfaces', (a) => a.name, 'name', context);
    checkActive(config, context);
    const monitors = new Set(config.monitorInterfaces.map((m) => m.name));
    config.instruments.forEach((instrument, index) => {
      for (const [port, monitor] of Object.entries(instrument.interfaces)) {
        if (monitors.has(monitor)) continue;
        context.addIssue({
          code: 'custom',
          path: ['instruments', index, 'interfaces', port],
          message: `names the monitor interface "${monitor}", which is not in /monitorInterfaces`,
        });
      }
    });
  });
export type SensorConfig = z.output<typeof SensorConfigSchema>;

/** What the single parts cannot say about active interfaces. */
function checkActive(
  config: {
    monitorInterfaces: readonly MonitorInterfaceConfig[];
    activeInterfaces: readonly ActiveInterfaceConfig[];
    instruments: readonly InstrumentConfig[];
  },
  context: z.RefinementCtx,
): void {
  const refuse = (path: (string | number)[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  const watched = new Map(config.monitorInterfaces.map(({ name, device }) => [device, name]));
  const known = new Map(config.activeInterfaces.map((one) => [one.name, one]));
  const links = new Map<string, string>();
  config.activeInterfaces.forEach(({ name, device, vlan }, index) => {
    const monitor = watched.get(device);
    if (monitor !== undefined) {
      const why = `is the device of the monitor interface "${monitor}", which never transmits`;
      refuse(['activeInterfaces', index, 'device'], why);
    }
    const link = `${device}/${String(vlan ?? '')}`;
    const other = links.get(link);
    if (other !== undefined)
      refuse(['activeInterfaces', index, 'device'], `is the device of "${other}" already`);
    links.set(link, name);
  });
  const taken = new Map<string, string>();
  const stations = new Set<string>();
  config.instruments.forEach(({ name, active, interfaces }, index) => {
    for (const [port, wiring] of Object.entries(active)) {
      const at = ['instruments', index, 'active', port];
      const one = known.get(wiring.interface);
      if (one === undefined) {
        refuse([...at, 'interface'], `names "${wiring.interface}", which is not in /activeInterfaces`);
      } else if (one.kind === 'dedicated') {
        const other = taken.get(one.name);
        if (other !== undefined) refuse([...at, 'interface'], `is dedicated to "${other}"`);
        taken.set(one.name, name);
      }
      if (port in interfaces) refuse(at, 'is wired to a monitor interface too');
      const [address = '', prefix = ''] = wiring.address.split('/');
      const station = `${wiring.interface}/${address}`;
      if (address !== 'dhcp' && stations.has(station))
        refuse([...at, 'address'], 'is taken by another instrument');
      stations.add(station);
      if (wiring.gateway !== undefined && address !== 'dhcp' && !isOnLink(address, prefix, wiring.gateway))
        refuse([...at, 'gateway'], `is not in the network of ${wiring.address}`);
    }
  });
}

/** True when two IPv4 addresses agree in their first `prefix` bits. */
function isOnLink(address: string, prefix: string, other: string): boolean {
  const size = 2 ** (32 - Number(prefix));
  const [one, two] = [address, other].map((text) =>
    Math.floor(text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) / size),
  );
  return one === two;
}

function unique<T>(
  items: readonly T[],
  at: string,
  value: (item: T) => string,
  field: string,
  context: z.RefinementCtx,
): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    if (seen.has(value(item))) {
      context.addIssue({ code: 'custom', path: [at, index, field], message: `repeats "${value(item)}"` });
    }
    seen.add(value(item));
  });
}
