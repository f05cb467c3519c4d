import { z } from 'zod';

/** One member of an address group: address, network, variable; `!` negates. No white space, no brackets, no quotes. */
const Address = z
  .string()
  .max(64)
  .regex(
    /^!?(?:\$[A-Z][A-Z0-9_]{0,31}|[0-9a-fA-F:.]{2,45}(?:\/\d{1,3})?)$/,
    'must be an address, a network or $NAME',
  );

/** One member of a port group: port, range, variable; `!` negates. */
const Port = z
  .string()
  .max(32)
  .regex(/^!?(?:\$[A-Z][A-Z0-9_]{0,31}|\d{1,5}(?::\d{0,5})?)$/, 'must be a port, a range a:b or $NAME');

const VariableName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,31}$/, 'must be A-Z, 0-9 and _, at most 32 characters');

const group = <T extends z.ZodType>(member: T) => z.record(VariableName, z.array(member).min(1).max(256));

/** What an operator may set in the sensor configuration at `/instruments/N/options` for this instrument. */
export const OptionsSchema = z.strictObject({
  /** The protected networks: `$HOME_NET` in rules. */
  homeNet: z
    .array(Address)
    .min(1)
    .max(256)
    .default(['192.168.0.0/16', '10.0.0.0/8', '172.16.0.0/12', 'fc00::/7']),
  /** Further or changed address variables, e.g. `{"DNS_SERVERS": ["10.0.0.53"]}`. */
  addressGroups: group(Address).default({}),
  /** Further or changed port variables, e.g. `{"HTTP_PORTS": ["80", "8080"]}`. */
  portGroups: group(Port).default({}),
  /** Load the starter signatures that come with the instrument. */
  starterRules: z.boolean().default(true),
  /** Put the first 4 KiB of payload, printable, into alerts. May hold personal data. */
  alertPayload: z.boolean().default(false),
  /**
   * `kernel`: verify, except packets of which the kernel says that their checksum is not computed yet (merged by GRO, or
   * from a virtual machine on the same host). `strict`: verify every packet. `ignore`: believe every packet; only for
   * captures that were taken on a sending host with checksum offload.
   */
  checksums: z.enum(['kernel', 'strict', 'ignore']).default('kernel'),
  /** Parse and log Modbus, DNP3 and ENIP (off in Debian's default). */
  industrialProtocols: z.boolean().default(false),
  /** Parse and log PostgreSQL (off in Debian's default). */
  databaseProtocols: z.boolean().default(false),
  /** How often Suricata's counters are refreshed and published as `stats`, in seconds. */
  statsIntervalS: z.int().min(1).max(300).default(8),
  /** Capture threads for each interface. Absent = the container's cores shared among its interfaces. */
  threads: z.int().min(1).max(64).optional(),
});
export type Options = z.output<typeof OptionsSchema>;
