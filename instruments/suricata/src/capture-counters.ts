import { z } from 'zod';

const Count = z.number().default(0);
const Group = <T extends z.ZodRawShape>(shape: T) => z.object(shape).prefault({} as never);

/** The part of `dump-counters` that is shown; Suricata leaves out what was never counted. */
const DumpSchema = z.object({
  uptime: Count,
  capture: Group({ kernel_packets: Count, kernel_drops: Count, errors: Count }),
  decoder: Group({ pkts: Count, bytes: Count, invalid: Count }),
  tcp: Group({
    sessions: Count,
    invalid_checksum: Count,
    reassembly_gap: Count,
    memuse: Count,
    reassembly_memuse: Count,
  }),
  flow: Group({ active: Count, total: Count, memcap: Count, emerg_mode_entered: Count }),
  detect: Group({ alert: Count, alert_queue_overflow: Count, alerts_suppressed: Count }),
});

/** Names of `health` counters that Suricata counts itself. */
export type CaptureCounters = Readonly<Record<string, number>>;

/** Picks the counters shown in `health` from Suricata's `dump-counters` reply. */
export function readCaptureCounters(dump: unknown): CaptureCounters {
  const { uptime, capture, decoder, tcp, flow, detect } = DumpSchema.parse(dump);
  return {
    'suricata.uptime_s': uptime,
    'capture.kernel_packets': capture.kernel_packets,
    'capture.kernel_drops': capture.kernel_drops,
    'capture.errors': capture.errors,
    'decoder.pkts': decoder.pkts,
    'decoder.bytes': decoder.bytes,
    'decoder.invalid': decoder.invalid,
    'tcp.sessions': tcp.sessions,
    'tcp.invalid_checksum': tcp.invalid_checksum,
    'tcp.reassembly_gap': tcp.reassembly_gap,
    'flow.active': flow.active,
    'flow.total': flow.total,
    'flow.memcap': flow.memcap,
    'flow.emergency': flow.emerg_mode_entered,
    'detect.alert': detect.alert,
    'detect.alert_queue_overflow': detect.alert_queue_overflow,
    'detect.alerts_suppressed': detect.alerts_suppressed,
  };
}
