import { isIP } from 'node:net';
import { z } from 'zod';

/** Name of a sensor or group, as in the sensor's configuration. */
export const NameSchema = z
  .string()
  .regex(/^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/, 'must be a name: a-z, 0-9 and -');

/** IPv4 or IPv6 address, or a network as `address/length`. */
export const AddressOrNetworkSchema = z
  .string()
  .max(49)
  .refine(isAddressOrNetwork, 'must be an address or a network such as 192.0.2.0/24');

/**
 * Where a document holds: on every sensor, on those of a group, on one, or (suppressions, thresholds and switching a rule off)
 * for one address or network on every sensor.
 */
export const ScopeSchema = z.union([
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ group: NameSchema }),
  z.strictObject({ sensor: NameSchema }),
  z.strictObject({ address: AddressOrNetworkSchema }),
]);
export type Scope = z.output<typeof ScopeSchema>;

export const SidSchema = z.int().min(1).max(2_147_483_647);
export const SourceNameSchema = z
  .string()
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,22}[a-z0-9])?$/, 'must be 1-24 characters of a-z, 0-9 and -');

/** Name of a file below `resources/`. */
export const FileNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'must be 1-63 characters of a-z, 0-9, ., _ and -');

export const UrlSchema = z
  .string()
  .max(2_048)
  .regex(/^https?:\/\/[^\s\p{Cc}]+$/u, 'must be an http or https address');

/** Values for `%(name)s` in the address of a catalogue's entry, such as an access code. Never shown again. */
export const ParametersSchema = z
  .record(
    z.string().regex(/^[a-z0-9][a-z0-9_-]{0,31}$/),
    z.string().regex(/^[\x21-\x7e]{1,256}$/, 'must be 1-256 printable characters without spaces'),
  )
  .refine((all) => Object.keys(all).length <= 16, 'must be at most 16');

/** Where the rules of a source come from. */
export const OriginSchema = z.union([
  /** An archive (tar, tar.gz) or a file of rules (also gzipped), fetched by the downloader. */
  z.strictObject({ type: z.literal('url'), url: UrlSchema }),
  /** An entry of a catalogue in the format of suricata-update's index. */
  z.strictObject({
    type: z.literal('catalogue'),
    index: SourceNameSchema,
    entry: z.string().min(1).max(128),
    parameters: ParametersSchema.default({}),
  }),
  /** A catalogue itself; it has no rules. By address, or a file that an operator placed. */
  z.strictObject({ type: z.literal('index'), url: UrlSchema }),
  z.strictObject({ type: z.literal('index-file'), file: FileNameSchema }),
  /** A file that an operator placed below `resources/`; same formats as `url`. */
  z.strictObject({ type: z.literal('file'), file: FileNameSchema }),
  /** Text that a person gave. */
  z.strictObject({ type: z.literal('pasted') }),
]);
export type Origin = z.output<typeof OriginSchema>;

export const SourceBodySchema = z.strictObject({
  name: SourceNameSchema,
  origin: OriginSchema,
  enabled: z.boolean().default(true),
  /** Take the rest of a file in which some rules are faulty. False: the file is refused as a whole. */
  skipFaulty: z.boolean().default(false),
  /** How often the downloader looks, in seconds; 0 = once. */
  everyS: z.int().min(0).max(31_536_000).default(86_400),
  maxMib: z.int().min(1).max(64).default(64),
});
export type SourceBody = z.output<typeof SourceBodySchema>;

/** What is changed about one rule. Absent = left as its source has it. */
export const RuleBodySchema = z.strictObject({
  sid: SidSchema,
  enabled: z.boolean().optional(),
  /** The rule's new text, one line, with the same sid. */
  text: z.string().min(1).max(8_000).optional(),
});
export type RuleBody = z.output<typeof RuleBodySchema>;

const VariableName = z
  .string()
  .regex(/^[A-Z][A-Z0-9_]{0,31}$/, 'must be A-Z, 0-9 and _, at most 32 characters');
const AddressMember = z
  .string()
  .max(64)
  .regex(
    /^!?(?:\$[A-Z][A-Z0-9_]{0,31}|[0-9a-fA-F:.]{2,45}(?:\/\d{1,3})?)$/,
    'must be an address, a network or $NAME; ! negates',
  )
  .refine(
    (text) => text.replace('!', '').startsWith('$') || isAddressOrNetwork(text.replace('!', '')),
    'must be an address, a network or $NAME; ! negates',
  );
const PortMember = z
  .string()
  .max(32)
  .regex(
    /^!?(?:\$[A-Z][A-Z0-9_]{0,31}|\d{1,5}(?::\d{0,5})?)$/,
    'must be a port, a range a:b or $NAME; ! negates',
  )
  .refine(
    (text) => (text.match(/\d+/g) ?? []).every((port) => text.includes('$') || Number(port) <= 65_535),
    {
      message: 'a port is at most 65535',
    },
  );
const group = <T extends z.ZodType>(member: T) =>
  z
    .record(VariableName, z.array(member).min(1).max(256))
    .refine((all) => Object.keys(all).length <= 64, 'must be at most 64');

/** Variables that rules use. A name that is absent keeps what a wider scope, or the IDS itself, says. */
export const VariablesBodySchema = z.strictObject({
  /** `$HOME_NET`: the protected networks. */
  homeNet: z.array(AddressMember).min(1).max(256).optional(),
  /** Further address variables, such as `{"DNS_SERVERS": ["10.0.0.53"]}`. */
  addressGroups: group(AddressMember).optional(),
  portGroups: group(PortMember).optional(),
});
export type VariablesBody = z.output<typeof VariablesBodySchema>;

/** What shall happen with the alerts of a rule. */
export const ActionSchema = z.union([
  /** None at all. */
  z.strictObject({ type: z.literal('suppress') }),
  /**
   * `limit`: at most `count` in `seconds`. `threshold`: one for every `count` in `seconds`. `both`: one in `seconds`, when there
   * were `count`. Counted for each source (`by_src`), destination (`by_dst`), pair (`by_both`) or the rule (`by_rule`).
   */
  z.strictObject({
    type: z.enum(['limit', 'threshold', 'both']),
    count: z.int().min(1).max(1_000_000),
    seconds: z.int().min(1).max(2_592_000),
    per: z.enum(['by_src', 'by_dst', 'by_both', 'by_rule']).default('by_src'),
  }),
]);
export type Action = z.output<typeof ActionSchema>;

export const SuppressionBodySchema = z.strictObject({
  sid: SidSchema,
  gid: z.int().min(1).max(1_000).default(1),
  action: ActionSchema.default({ type: 'suppress' }),
  /** Only alerts of these; with the scope `{address}`, that one. Only with the action `suppress`. */
  addresses: z.array(AddressOrNetworkSchema).min(1).max(256).optional(),
  /** Which end of the alert the addresses are compared with. */
  track: z.enum(['by_src', 'by_dst', 'by_either']).default('by_either'),
});
export type SuppressionBody = z.output<typeof SuppressionBodySchema>;

/** Bodies by kind of document. */
export interface Bodies {
  source: SourceBody;
  rule: RuleBody;
  variables: VariablesBody;
  suppression: SuppressionBody;
}
export type Kind = keyof Bodies;

/** One wish of a person: what, where it holds, who wanted it, why, and until when. */
export interface Document<K extends Kind = Kind> {
  id: string;
  kind: K;
  scope: Scope;
  body: Bodies[K];
  author: string;
  /** ISO 8601. */
  time: string;
  reason: string;
  /** ISO 8601; from then on it no longer holds. */
  expires?: string;
}
/** One document of some kind, to tell apart by `kind`. */
export type AnyDocument = { [K in Kind]: Document<K> }[Kind];

/** Whether a text is an IPv4 or IPv6 address or a network. */
export function isAddressOrNetwork(text: string): boolean {
  const [address = '', length, more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || address.includes('%') || more !== undefined) return false;
  return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= (family === 4 ? 32 : 128));
}
