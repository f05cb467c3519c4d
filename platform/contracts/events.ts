/** Header names of a stored event message (CloudEvents attributes, and how many records the message packs). */
export const EVENT_HEADERS = Object.freeze({
  id: 'ce-id',
  source: 'ce-source',
  type: 'ce-type',
  time: 'ce-time',
  /** Number of records, one per line (NDJSON), in the body. Record `n` (from 0) has the id `<ce-id>/<n>`. */
  count: 'bh-count',
});

/** Name of the pseudo-instrument under which the platform publishes its own events. */
export const PLATFORM = 'platform';

/** Event types that the platform publishes, subject `event.platform.<type>`. */
export type PlatformEventType =
  | 'sensor.started'
  | 'sensor.stopping'
  | 'instrument.started'
  | 'instrument.stopped'
  | 'instrument.failed'
  | 'instrument.held'
  | 'instrument.drift'
  | 'configuration.applied'
  | 'configuration.failed'
  | 'keys.changed'
  | 'monitor.attached'
  | 'monitor.lost'
  | 'bus.restarted'
  | 'bus.refused'
  | 'message.sent'
  | 'bus.streamQuarantined'
  | 'bus.streamRepaired'
  | 'bus.streamDamaged'
  | 'bus.storeFailed'
  | 'runtime.restarted'
  | 'check.passed'
  | 'check.missed'
  | 'loss.threshold'
  | 'loss.ended'
  | 'feed.alarm'
  | 'feed.cleared'
  | 'egress.refused'
  | 'store.damaged'
  | 'store.dropped'
  | 'store.clock_jumped'
  | 'retention.overdue'
  | 'retention.clock'
  | 'data.held'
  | 'data.released'
  | 'data.purged'
  | 'file.delivered'
  | 'download.requested'
  | 'download.decided'
  | 'uplink.gap';

/** One event record as people and queries see it. */
export interface StoredEvent {
  /** `<ce-id>/<n>`: unique on the sensor. */
  id: string;
  /** Name of the instrument that published it, or `platform`. */
  instrument: string;
  type: string;
  /** ISO 8601, when the message was packed. */
  time: string;
  /** The record, unchanged in transport; an EVE record stays EVE. */
  record: Record<string, unknown>;
}

/** The marks of a detection check (DESIGN: marked packet with a fresh nonce). */
export const DETECTION_CHECK = Object.freeze({
  /** Signature id in a range that no public ruleset uses; part of the instrument's app, so no update can remove it. */
  signatureId: 2_999_001,
  /** Source and destination, documentation addresses of RFC 5737. */
  source: '192.0.2.10',
  destination: '198.51.100.10',
  /** UDP ports. */
  sourcePort: 49_152,
  destinationPort: 47_999,
  /** The payload is this, then the nonce as 32 hex digits. */
  marker: 'bulkhead-detection-check:',
  /** Event type under which an IDS publishes the alert of a check, so it is not counted as an alert. */
  eventType: 'check',
});
