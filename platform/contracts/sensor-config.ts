import { z } from 'zod';
import {
  CapabilitySchema,
  CommandNameSchema,
  DeviceSchema,
  EventTypeSchema,
  NameSchema,
  RESERVED_NAMES,
} from './names.ts';
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
});
export type Grants = z.output<typeof GrantsSchema>;

const InstrumentSchema = z.strictObject({
  /** Unique on the sensor; also its name on the bus. */
  name: NameSchema.refine((name) => !RESERVED_NAMES.includes(name), 'is reserved for the platform'),
  /** Which package it runs. */
  package: NameSchema,
  enabled: z.boolean().default(true),
  /** Interface name in the manifest -> monitor interface whose copies it gets (or, for the capture engine, serves). */
  interfaces: z.record(z.string().max(10), NameSchema).default({}),
  grants: GrantsSchema.prefault({}),
  /** Handed to the instrument as they are; it validates them. At most 64 KiB as JSON. */
  options: z
    .record(z.string().max(64), z.json())
    .default({})
    .refine((value) => JSON.stringify(value).length <= 65_536, 'is larger than 64 KiB'),
  /** File name below the instrument's resources -> absolute file on the sensor that the platform copies there. */
  resources: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9._-]{0,62}$/), z.string().startsWith('/').max(4096))
    .default({}),
  limits: LimitsSchema.partial().default({}),
  volumeMib: z.int().min(32).max(16_777_216).optional(),
});
export type InstrumentConfig = z.output<typeof InstrumentSchema>;

const MonitorInterfaceSchema = z.strictObject({
  name: NameSchema,
  device: DeviceSchema,
});
export type MonitorInterfaceConfig = z.output<typeof MonitorInterfaceSchema>;

/** The one document that says what a sensor should be. */
export const SensorConfigSchema = z
  .strictObject({
    version: z.literal(1),
    sensor: z.strictObject({ name: NameSchema }),
    monitorInterfaces: z.array(MonitorInterfaceSchema).max(16).default([]),
    instruments: z.array(InstrumentSchema).max(64).default([]),
    bus: z
      .strictObject({
        /** Size of each instrument's stream. */
        streamMib: z.int().min(16).max(1_048_576).default(256),
        encrypt: z.boolean().default(true),
      })
      .prefault({}),
    detectionCheck: z
      .strictObject({
        enabled: z.boolean().default(true),
        intervalS: z.int().min(5).max(86_400).default(60),
        /** A check whose alert is not back by then counts as missed. */
        timeoutS: z.int().min(1).max(600).default(20),
      })
      .prefault({}),
  })
  .superRefine((config, context) => {
    unique(config.monitorInterfaces, 'monitorInterfaces', (m) => m.name, 'name', context);
    unique(config.monitorInterfaces, 'monitorInterfaces', (m) => m.device, 'device', context);
    unique(config.instruments, 'instruments', (i) => i.name, 'name', context);
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
