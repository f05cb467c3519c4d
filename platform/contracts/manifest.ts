import { z } from 'zod';
import {
  CapabilitySchema,
  CommandNameSchema,
  EventTypeSchema,
  MirrorFilterSchema,
  NameSchema,
} from './names.ts';
import { DownloadAskSchema, EgressAskSchema } from './egress.ts';

/** What a container may use. Every one is bounded; the operator may change them per instrument. */
export const LimitsSchema = z.strictObject({
  memoryMib: z.int().min(32).max(1_048_576),
  /** Share of processor time in cores, e.g. 1.5. */
  cpuCores: z.number().min(0.05).max(1024),
  processes: z.int().min(8).max(65_536),
  openFiles: z.int().min(64).max(1_048_576),
});
export type Limits = z.output<typeof LimitsSchema>;

const InterfaceSchema = z.strictObject({
  /** Name inside the container. */
  name: z.string().regex(/^[a-z][a-z0-9]{1,9}$/),
  /**
   * `mirror`: copies, receive only. `active`: may send, to the destinations that the operator granted.
   * `capture-in`/`capture-out`: only for the capture engine.
   */
  kind: z.enum(['mirror', 'active', 'capture-in', 'capture-out']),
  filter: MirrorFilterSchema.default('all'),
});

/** All that a manifest can ask for. */
export const AsksSchema = z.strictObject({
  capabilities: z.array(CapabilitySchema).max(8).default([]),
  interfaces: z.array(InterfaceSchema).max(8).default([]),
  publish: z.array(EventTypeSchema).max(64).default([]),
  /** Kinds of event that it reads, with the package that publishes them. */
  read: z
    .array(z.strictObject({ from: NameSchema, type: EventTypeSchema }))
    .max(64)
    .default([]),
  /** Commands that it accepts from others. */
  accept: z.array(CommandNameSchema).max(64).default([]),
  /** Commands that it sends, with the package that accepts them. */
  send: z
    .array(z.strictObject({ to: NameSchema, command: CommandNameSchema }))
    .max(64)
    .default([]),
  /** Where it sends to on its active interfaces. */
  egress: z.array(EgressAskSchema).max(64).default([]),
  /** Files from elsewhere that the platform is to place below its `resources/`, and keep fresh. */
  downloads: z.array(DownloadAskSchema).max(32).default([]),
  /** Whether it asks for further downloads while it runs. Each waits for the operator like those above. */
  requestsDownloads: z.boolean().default(false),
  /** Packages whose instruments it hands files to: the platform copies them into the receiver's `resources/`. */
  deliver: z
    .array(z.strictObject({ to: NameSchema }))
    .max(16)
    .default([]),
  /** Fetches the approved downloads of all instruments. Only for the downloader. */
  fetch: z.boolean().default(false),
  /** A web page that it serves on its own loopback interface, for people whom the sensor lets through. */
  ui: z.strictObject({ port: z.int().min(1024).max(65_535), title: z.string().min(1).max(80) }).optional(),
});

/** `instrument.yaml`: what an instrument is, and what it asks for. It is given nothing by asking. */
export const ManifestSchema = z.strictObject({
  apiVersion: z.literal('bulkhead/1'),
  name: NameSchema,
  version: z.string().regex(/^\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?$/),
  title: z.string().min(1).max(80),
  description: z.string().min(1).max(2000),
  /** Name of the shared image below `images/`. */
  image: NameSchema,
  /** What PID 1 runs, as a non-root user. Absolute program, then arguments; printable, since PID 1 reads it as lines. */
  command: z
    .array(z.string().regex(/^[\x20-\x7e]{1,256}$/, 'must be 1-256 printable ASCII characters'))
    .min(1)
    .max(16),
  asks: AsksSchema,
  volume: z.strictObject({ sizeMib: z.int().min(32).max(16_777_216) }),
  limits: LimitsSchema,
  /**
   * What can be set at `/instruments/N/options`, as JSON Schema of an object, for whoever makes a form of it. It judges nothing: the
   * instrument does.
   */
  options: z
    .record(z.string().max(64), z.json())
    .refine((schema) => JSON.stringify(schema).length <= 32_768, 'is larger than 32 KiB')
    .optional(),
});
export type Manifest = z.output<typeof ManifestSchema>;
