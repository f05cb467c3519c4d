import { z } from 'zod';

/** Name of an instrument, monitor interface or package: starts subjects, paths and LXD names, so it is narrow. */
export const NameSchema = z
  .string()
  .regex(
    /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/,
    'must be 1-30 characters of a-z, 0-9 and -, starting with a letter',
  );

/** Names that the platform keeps for itself on the bus. */
export const RESERVED_NAMES: readonly string[] = [
  'platform',
  'control',
  'message',
  'event',
  'sensord',
  'fleet',
  'up',
];

/** An event type: dot-separated tokens of a subject, e.g. `alert`, `dns.answer`. */
export const EventTypeSchema = z
  .string()
  .max(64)
  .regex(/^[a-z][a-z0-9_]*(?:\.[a-z0-9_]+){0,3}$/, 'must be up to 4 dot-separated tokens of a-z, 0-9 and _');

/** A command of a message: dot-separated tokens, e.g. `ruleset.apply`. */
export const CommandNameSchema = EventTypeSchema;

/** A kernel network device: 1-15 characters without `/`, white space or shell-special characters. */
export const DeviceSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,14}$/, 'must be the name of a network device (1-15 characters)');

/** Linux capabilities that an instrument may ask for; all act on its own namespaces only. */
export const CapabilitySchema = z.enum(['net_raw', 'net_admin', 'net_bind_service', 'ipc_lock', 'sys_nice']);

/**
 * What an instrument wants to see on a mirror port. `all`, or TCP/UDP segments with a source or destination port in the
 * list. What cannot be decided (fragments, tunnels, extension headers) passes.
 */
export const MirrorFilterSchema = z.union([
  z.literal('all'),
  z.strictObject({ ports: z.array(z.int().min(1).max(65535)).min(1).max(16) }),
]);
export type MirrorFilter = z.output<typeof MirrorFilterSchema>;
