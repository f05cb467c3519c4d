import type { LedgerLine } from '../contracts/index.ts';
import { balanced, reasons } from './ledger-lines.ts';

/** What an instrument says of itself, as running totals over its restarts. `gauges` are of now. */
export interface InstrumentCounts {
  instrument: string;
  totals: Readonly<Record<string, number>>;
  gauges: Readonly<Record<string, number>>;
}

/** One stream, as the bus tells it. */
export interface StreamCounts {
  instrument: string;
  messages: number;
  bytes: number;
  maxBytes: number;
  lastSequence: number;
}

/** How far the event store is with one stream; absent while there is no store. */
export interface StoreCounts {
  instrument: string;
  /** Messages that it took, could not read, and has before it. */
  taken: number;
  faulty: number;
  behind: number;
}

/** A stream with less room than this is as good as full. */
const FULL = 0.98;

/**
 * How many of the copies that reached a tool's interface it read. Only for tools that count that.
 * @param since copies delivered when the tool's counters were last seen to change: tools count in intervals
 */
export function toolLines(
  counts: InstrumentCounts,
  ports: readonly LedgerLine[],
  since = Infinity,
): LedgerLine[] {
  const { instrument, totals } = counts;
  const read = totals['capture.kernel_packets'];
  const mine = ports.filter(
    ({ stage, name }) => stage === 'mirror-port' && name.startsWith(`${instrument}/`),
  );
  const first = mine[0];
  const delivered = deliveredTo(instrument, ports);
  if (read === undefined || first === undefined) return [];
  const dropped = totals['capture.kernel_drops'] ?? 0;
  const invalid = totals['decoder.invalid'] ?? 0;
  return [
    balanced({
      stage: 'tool',
      name: instrument,
      ...(first.monitor === undefined ? {} : { monitor: first.monitor }),
      unit: 'packets',
      in: delivered,
      out: read - dropped,
      held: reasons({ 'not counted yet': Math.min(delivered - since, delivered - read) }),
      lost: reasons({ 'tool too slow': dropped }),
      ...(invalid > 0 ? { note: `${String(invalid)} packets could not be decoded` } : {}),
    }),
  ];
}

/** Copies that reached the interfaces of an instrument. */
export function deliveredTo(instrument: string, ports: readonly LedgerLine[]): number {
  return ports
    .filter(({ stage, name }) => stage === 'mirror-port' && name.startsWith(`${instrument}/`))
    .reduce((total, line) => total + line.out, 0);
}

/** From a tool's output to the bus's acknowledgement. */
export function publishLines({ instrument, totals, gauges }: InstrumentCounts): LedgerLine[] {
  const value = (name: string) => totals[name] ?? 0;
  const lines: LedgerLine[] = [];
  if (totals['eve.lines'] !== undefined) {
    lines.push(
      balanced({
        stage: 'publish',
        name: instrument,
        unit: 'events',
        in: value('eve.lines') + value('eve.oversize'),
        out: value('eve.published'),
        held: reasons({
          'of detection checks': value('eve.check_flows'),
          waiting: gauges['eve.waiting'] ?? 0,
        }),
        lost: reasons({
          oversize: value('eve.oversize'),
          malformed: value('eve.malformed'),
          'not granted': value('eve.refused'),
          'shed: the bus took none': value('eve.shed'),
          'not stored': value('eve.lost'),
        }),
      }),
    );
  }
  if (value('bus.accepted') + value('bus.rejected') > 0) {
    lines.push(
      balanced({
        stage: 'bus',
        name: instrument,
        unit: 'events',
        in: value('bus.accepted') + value('bus.rejected'),
        out: value('bus.stored'),
        held: reasons({ waiting: gauges['bus.waiting'] ?? 0 }),
        lost: reasons({ refused: value('bus.refused'), rejected: value('bus.rejected') }),
      }),
    );
  }
  return lines;
}

/** What the streams hold; messages, each of which packs many events. */
export function streamLines(streams: readonly StreamCounts[]): LedgerLine[] {
  return streams.map(({ instrument, messages, bytes, maxBytes, lastSequence }) => {
    const room = `${mib(bytes)} of ${mib(maxBytes)} MiB`;
    return balanced({
      stage: 'stream',
      name: instrument,
      unit: 'messages',
      in: lastSequence,
      out: messages,
      held: reasons({ 'no longer kept': lastSequence - messages }),
      lost: {},
      note: maxBytes > 0 && bytes > FULL * maxBytes ? `FULL: ${room}` : room,
    });
  });
}

/** What the event store took out of the streams. */
export function storeLines(stores: readonly StoreCounts[]): LedgerLine[] {
  return stores.map(({ instrument, taken, faulty, behind }) =>
    balanced({
      stage: 'store',
      name: instrument,
      unit: 'messages',
      in: taken + faulty + behind,
      out: taken,
      held: reasons({ 'still to come': behind }),
      lost: reasons({ unreadable: faulty }),
    }),
  );
}

/** Counters of `health` that go up and down; everything else is a running total. */
export const GAUGES: readonly string[] = ['bus.waiting', 'eve.waiting'];

function mib(bytes: number): string {
  return (bytes / (1 << 20)).toFixed(1);
}
