import { z } from 'zod';
import { LabelSchema, SensorIdSchema, TimestampSchema } from './shapes.ts';

/** Several values in one query parameter: `a,b`. A parameter that is repeated counts as well. */
export function listOf(item: z.ZodType<string, string>, most: number) {
  return z
    .union([z.string().max(2048), z.array(z.string().max(2048)).max(64)])
    .transform((value) => [value].flat().flatMap((part) => part.split(',')))
    .pipe(z.array(item).min(1).max(most));
}

export const EVENT_SEVERITIES = ['info', 'low', 'medium', 'high'] as const;
export const EventSeveritySchema = z.enum(EVENT_SEVERITIES);
export type EventSeverity = z.infer<typeof EventSeveritySchema>;

const EventTypeSchema = z
  .string()
  .max(64)
  .regex(/^[a-z][a-zA-Z0-9_]*(?:\.[a-zA-Z0-9_]+){0,3}$/, 'is not the type of an event');
/** An instrument, or `platform` for what the sensor itself says. */
const PublisherSchema = z
  .string()
  .max(30)
  .regex(/^[a-z](?:[a-z0-9-]*[a-z0-9])?$/, 'is not the name of an instrument');

export const EVENT_FILTER = {
  /** Words that all stand in the record; the beginning of a word with `*` at its end. */
  text: z.string().trim().min(1).max(200).optional(),
  sensors: listOf(SensorIdSchema, 256).optional(),
  types: listOf(EventTypeSchema, 32).optional(),
  instruments: listOf(PublisherSchema, 32).optional(),
  /** At least as bad; events that are not alerts are `info`. */
  severity: EventSeveritySchema.optional(),
  /** An address or a network (`10.0.0.0/8`), anywhere in the record. */
  address: z.string().trim().min(1).max(64).optional(),
  /** A name: exact, or `*.example.org` for everything below it. */
  name: z.string().trim().min(1).max(255).optional(),
  /** Id of a signature, or words of its text. */
  signature: z.string().trim().min(1).max(200).optional(),
  /** Id of a flow, or its Community ID. */
  flow: z.string().trim().min(1).max(64).optional(),
  /** From this time on, and before this time. */
  since: TimestampSchema.optional(),
  until: TimestampSchema.optional(),
  /** Only what somebody has dealt with (`yes`), or nobody yet (`no`). */
  handled: z.enum(['yes', 'no']).optional(),
  /** Only what this person (by id) took on. */
  owner: z.string().min(1).max(64).optional(),
  /** What people suppressed: left out (`hide`, what happens without it), with the rest (`show`), or nothing else (`only`). */
  suppressed: z.enum(['hide', 'show', 'only']).optional(),
};

/** What a question about events is about; every part that is given must hold. As query parameters. */
export const EventFilterSchema = z.strictObject(EVENT_FILTER);
export type EventFilter = z.output<typeof EventFilterSchema>;

/** What a person noted about an event. */
export const EventMarkSchema = z
  .object({
    /** Who took it on: a person's id and name. */
    owner: z.object({ id: z.string(), name: z.string() }).optional(),
    handled: z.boolean(),
    note: z.string(),
    /** Who changed the mark last, and when. */
    by: z.object({ id: z.string(), name: z.string() }),
    at: TimestampSchema,
  })
  .meta({ id: 'EventMark' });
export type EventMark = z.infer<typeof EventMarkSchema>;

export const FleetEventSchema = z
  .object({
    /** Of the fleet. Opaque. */
    id: z.string(),
    sensor: SensorIdSchema,
    instrument: z.string(),
    type: z.string(),
    /** When it was packed on the sensor. */
    time: TimestampSchema,
    severity: EventSeveritySchema,
    /** Of the sensor: `<ce-id>/<n>`, with which the sensor itself finds it. */
    sensorEventId: z.string(),
    /** As the instrument published it, after the sensor's field policy; an EVE record stays EVE. */
    record: z.record(z.string(), z.unknown()),
    mark: EventMarkSchema.optional(),
    /** Id of the suppression that covers it now: it is not shown unless asked for, and nobody is notified. */
    suppressed: z.string().optional(),
  })
  .meta({ id: 'FleetEvent' });
export type FleetEvent = z.infer<typeof FleetEventSchema>;

/** `GET /api/v1/events` */
export const EventSearchQuerySchema = z.strictObject({
  ...EVENT_FILTER,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** `cursor` of the part before, with the same filter. */
  cursor: z.string().max(512).optional(),
});

/** The newest first. */
export const EventPageSchema = z
  .object({
    events: z.array(FleetEventSchema),
    /** For the next part; absent when there is no more. */
    cursor: z.string().optional(),
    /** False when the time for one answer was over first: what is here is right, and `cursor` goes on. */
    complete: z.boolean(),
  })
  .meta({ id: 'EventPage' });
export type EventPage = z.infer<typeof EventPageSchema>;

/** `GET /api/v1/events/histogram` */
export const EventHistogramQuerySchema = z.strictObject({
  ...EVENT_FILTER,
  buckets: z.coerce.number().int().min(1).max(500).default(60),
  by: z.enum(['type', 'severity', 'sensor']).default('severity'),
});

/** Counts over time; buckets of one width, without a gap. */
export const EventHistogramSchema = z
  .object({
    since: TimestampSchema,
    until: TimestampSchema,
    bucketS: z.number(),
    by: z.enum(['type', 'severity', 'sensor']),
    buckets: z.array(
      z.object({ time: TimestampSchema, total: z.number(), counts: z.record(z.string(), z.number()) }),
    ),
    total: z.number(),
    /** False: counting all would have taken too long, and older buckets are estimates. */
    complete: z.boolean(),
    /** Suppressed events that were taken out of the counts; absent where none had to be. */
    suppressed: z.number().optional(),
  })
  .meta({ id: 'EventHistogram' });
export type EventHistogram = z.infer<typeof EventHistogramSchema>;

/** `GET /api/v1/events/facets` */
export const EventFacetsQuerySchema = z.strictObject({
  ...EVENT_FILTER,
  /** Values of each kind, the most frequent first. */
  limit: z.coerce.number().int().min(1).max(50).default(10),
});

const FacetSchema = z.array(
  z.object({
    value: z.string(),
    /** For people, where the value is a number: the text of a signature. */
    label: z.string().optional(),
    count: z.number(),
  }),
);

export const EventFacetsSchema = z
  .object({
    types: FacetSchema,
    sensors: FacetSchema,
    instruments: FacetSchema,
    severities: FacetSchema,
    signatures: FacetSchema,
    addresses: FacetSchema,
    /** Kinds that were counted in the newest matching events only, and how many those were. */
    sampled: z.array(z.enum(['types', 'sensors', 'instruments', 'severities', 'signatures', 'addresses'])),
    sampledEvents: z.number(),
  })
  .meta({ id: 'EventFacets' });
export type EventFacets = z.infer<typeof EventFacetsSchema>;

export const EventIdSchema = z.string().regex(/^[0-9a-z]{1,32}$/, 'is not the id of an event');
export const EventParamsSchema = z.strictObject({ id: EventIdSchema });

/** `PATCH /api/v1/events/:id/mark`: what is absent stays as it is. */
export const EventMarkChangeSchema = z.strictObject({
  /** `me` takes it on; `null` gives it back; else the id and name of a person. */
  owner: z
    .union([z.literal('me'), z.null(), z.strictObject({ id: z.string().min(1).max(64), name: LabelSchema })])
    .optional(),
  handled: z.boolean().optional(),
  note: z.string().max(4000).optional(),
});
export type EventMarkChange = z.infer<typeof EventMarkChangeSchema>;

/** `GET /api/v1/events/live`: server-sent events; `data` of `event: event` is a {@link FleetEvent}. */
export const EventLiveQuerySchema = z.strictObject(EVENT_FILTER);

/** What the fleet's store holds, and how sensors bring it: `GET /api/v1/events/status`. */
export const EventStatusSchema = z
  .object({
    records: z.number(),
    bytes: z.number(),
    storeMib: z.number(),
    retentionDays: z.number(),
    oldest: TimestampSchema.optional(),
    newest: TimestampSchema.optional(),
    /** Days that the fleet's clock says and nobody has confirmed: events do not grow old by them. Absent: none. */
    doubtedDays: z.number().optional(),
    /** Records that went, by reason: `retention`, `full`, `duplicate`, `unreadable`. */
    dropped: z.record(z.string(), z.number()),
    sensors: z.array(
      z.object({
        sensor: SensorIdSchema,
        /** Its uplink is open now. */
        linked: z.boolean(),
        records: z.number(),
        newest: TimestampSchema.optional(),
        /** Places in the order of its messages at which something has not arrived. */
        holes: z.number(),
        /** Messages that it had dropped by policy before it could send them. */
        droppedBySensor: z.number(),
      }),
    ),
  })
  .meta({ id: 'EventStatus' });
export type EventStatus = z.infer<typeof EventStatusSchema>;

export const ClockAcceptedSchema = z.object({ accepted: z.literal(true) });
