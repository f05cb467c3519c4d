import type { LedgerLine, LedgerStage } from '../contracts/index.ts';
import type { MonitorLedger } from './ledger-math.ts';

/** What a mirror port's host end belongs to. */
export interface PortOwner {
  instrument: string;
  port: string;
  /** Ports of its declared filter; undefined = it wants everything. */
  filter: readonly number[] | undefined;
}

/** A line that balances: what no reason explains is `unaccounted`. */
export function balanced(line: Omit<LedgerLine, 'unaccounted'>): LedgerLine {
  const explained = line.out + sum(line.held) + sum(line.lost);
  return { ...line, unaccounted: line.in - explained };
}

/** Only what happened. */
export function reasons(all: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
}

export function sum(all: Readonly<Record<string, number>>): number {
  return Object.values(all).reduce((total, count) => total + count, 0);
}

/**
 * The way of the packets of one monitor interface, stage by stage. Detection checks are in it from the guard on. A difference
 * between two neighbouring counters with nothing in between but a link is a loss at that link.
 */
export function packetLines(ledger: MonitorLedger, owners: ReadonlyMap<string, PortOwner>): LedgerLine[] {
  const { monitor, nic, capture, fanout } = ledger;
  const line = (
    stage: LedgerStage,
    flow: { in: number; out: number },
    lost: Record<string, number>,
    more: { held?: Record<string, number>; name?: string; note?: string } = {},
  ): LedgerLine => {
    const { held = {}, name = monitor, ...rest } = more;
    return balanced({
      ...{ stage, name, monitor, unit: 'packets', ...flow },
      held: reasons(held),
      lost: reasons(lost),
      ...rest,
    });
  };
  const arrived = nic.rxPackets + ledger.injected;
  const copied = fanout.input - fanout.oversize;
  const errors = nic.rxErrors === 0 ? {} : { note: `frames that arrived damaged: ${String(nic.rxErrors)}` };
  return [
    line('nic', { in: nic.rxPackets + nic.lost, out: nic.rxPackets }, nicLosses(ledger), errors),
    line('guard', { in: arrived, out: ledger.forwarded }, { 'no capture engine': ledger.unforwarded }),
    line(
      'capture-link',
      { in: ledger.forwarded, out: capture.in },
      { 'not taken': ahead(ledger.forwarded, capture.in) },
    ),
    line(
      'capture-engine',
      { in: capture.in, out: capture.out },
      { 'not forwarded': ahead(capture.in, capture.out) },
    ),
    line(
      'fan-out',
      { in: capture.out, out: copied },
      { 'not seen by the fan-out': ahead(capture.out, fanout.input), oversize: fanout.oversize },
      undecidedNote(fanout.undecided),
    ),
    ...ledger.ports.map((port) => {
      const owner = owners.get(port.hostEnd);
      const filtered = filteredFor(ledger, owner);
      return line(
        'mirror-port',
        { in: port.wanted + filtered, out: port.delivered },
        {
          'not cloned': ahead(port.wanted, port.delivered + port.dropped),
          'queue full': port.dropped,
        },
        {
          held: { filtered },
          name: owner === undefined ? port.hostEnd : `${owner.instrument}/${owner.port}`,
          ...(port.refused > 0
            ? { note: `frames that it tried to send, dropped: ${String(port.refused)}` }
            : {}),
        },
      );
    }),
  ];
}

function nicLosses({ nic }: MonitorLedger): Record<string, number> {
  return { 'missed by the NIC': nic.missed, 'dropped by its driver': nic.lost - nic.missed };
}

function filteredFor({ fanout }: MonitorLedger, owner: PortOwner | undefined): number {
  const key = owner?.filter === undefined ? undefined : [...owner.filter].sort((a, b) => a - b).join('+');
  const own = fanout.filters.find(({ ports }) => [...ports].sort((a, b) => a - b).join('+') === key);
  return own?.filtered ?? 0;
}

function undecidedNote(undecided: Readonly<Record<string, number>>): { note?: string } {
  const told = Object.entries(undecided).filter(([, count]) => count > 0);
  if (told.length === 0) return {};
  const words = told.map(([reason, count]) => `${reason} ${String(count)}`).join(', ');
  return { note: `passed to everyone, undecided: ${words}` };
}

/** A counter behind may be read a moment later than the one in front: that is not a loss. */
function ahead(before: number, after: number): number {
  return Math.max(0, before - after);
}
