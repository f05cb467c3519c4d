import {
  AddressGroupsSchema,
  AddressMemberSchema,
  PortGroupsSchema,
  type RulesetVariables,
} from '@bulkhead/sdk';
import { z } from 'zod';

/** What an operator may set in the sensor configuration at `/instruments/N/options` for this instrument. */
export const OptionsSchema = z.strictObject({
  /** The protected networks: `$HOME_NET` in rules. */
  homeNet: z
    .array(AddressMemberSchema)
    .min(1)
    .max(256)
    .default(['192.168.0.0/16', '10.0.0.0/8', '172.16.0.0/12', 'fc00::/7']),
  /** Further or changed address variables, e.g. `{"DNS_SERVERS": ["10.0.0.53"]}`. */
  addressGroups: AddressGroupsSchema.default({}),
  /** Further or changed port variables, e.g. `{"HTTP_PORTS": ["80", "8080"]}`. */
  portGroups: PortGroupsSchema.default({}),
  /** Load the starter signatures that come with the instrument, unless a managed ruleset is applied. */
  starterRules: z.boolean().default(true),
  /** Others who are granted `ruleset.apply` may manage the rules; off, the managed ruleset is put aside and forgotten. */
  managedRules: z.boolean().default(true),
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

/** Options with the variables of a managed ruleset over them. */
export function withVariables(options: Options, variables: RulesetVariables | undefined): Options {
  if (variables === undefined) return options;
  return {
    ...options,
    homeNet: variables.homeNet ?? options.homeNet,
    addressGroups: { ...options.addressGroups, ...variables.addressGroups },
    portGroups: { ...options.portGroups, ...variables.portGroups },
  };
}
