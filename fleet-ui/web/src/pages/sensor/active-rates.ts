import type { SeenActive, SeenActivePort } from '@bulkhead/fleet-api';
import { byteWords, compactNumber, rateWords } from '../../text/number-words.ts';

/** What passes an active interface now, in packets each second; undefined until two readings are there. */
export interface ActiveRate {
  sentPerS: number | undefined;
  receivedPerS: number | undefined;
}

/** An answer of the sensor, and when it came (epoch milliseconds). */
export interface ActiveReading {
  active: SeenActive;
  atMs: number;
}

export type ActiveRates = ReadonlyMap<string, ActiveRate>;

/** `<instrument>/<interface>`. */
export function activeKey({ instrument, port }: Pick<SeenActivePort, 'instrument' | 'port'>): string {
  return `${instrument}/${port}`;
}

/** Two readings make rates. An interface that was made anew counts from 0: then there is no rate, not a negative one. Pure. */
export function activeRates(before: ActiveReading | undefined, now: ActiveReading): ActiveRates {
  const seconds = before === undefined ? 0 : (now.atMs - before.atMs) / 1000;
  const earlier = new Map((before?.active.ports ?? []).map((port) => [activeKey(port), port]));
  return new Map(
    now.active.ports.map((port) => {
      const old = earlier.get(activeKey(port));
      const rate = (which: 'sent' | 'received'): number | undefined => {
        if (old === undefined || seconds <= 0) return undefined;
        const difference = port.counts[which].packets - old.counts[which].packets;
        return difference < 0 ? undefined : difference / seconds;
      };
      return [activeKey(port), { sentPerS: rate('sent'), receivedPerS: rate('received') }];
    }),
  );
}

/** Packets that were dropped: of what the instrument tried to send, and of what was sent to it. Pure. */
export function droppedOf({ counts }: Pick<SeenActivePort, 'counts'>): { out: number; in: number } {
  const { refused, spoofed, protocol, unwanted } = counts;
  return {
    out: refused.packets + (spoofed?.packets ?? 0) + (protocol?.packets ?? 0),
    in: unwanted?.packets ?? 0,
  };
}

/** Why packets were dropped, in words: `3 to where it may not send`. Pure. */
export function droppedWords({ counts }: Pick<SeenActivePort, 'counts'>): string[] {
  const reasons: [count: number | undefined, why: string][] = [
    [counts.refused.packets, 'to where it may not send'],
    [counts.spoofed?.packets, 'with an address that is not its own'],
    [counts.protocol?.packets, 'of a protocol that does not pass'],
    [counts.unwanted?.packets, 'to it, from where it may not reach'],
  ];
  return reasons.flatMap(([count = 0, why]) => (count > 0 ? [`${compactNumber(count)} ${why}`] : []));
}

/** How an interface is set up, without its address: `dedicated, VLAN 12`. Pure. */
export function activeKindWords({ kind, vlan }: Pick<SeenActivePort, 'kind' | 'vlan'>): string {
  return [kind, vlan === undefined ? undefined : `VLAN ${String(vlan)}`]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** Its addresses, or that it has none. Pure. */
export function addressWords({ addresses }: Pick<SeenActivePort, 'addresses'>): string {
  return addresses.join(', ') || 'no address yet';
}

/** Everything about one active interface in words, for who hears the picture. Pure. */
export function activeWords(port: SeenActivePort, rate: ActiveRate | undefined): string {
  const way = (word: string, perS: number | undefined, { packets, bytes }: typeof port.counts.sent) =>
    `${word} ${perS === undefined ? '' : `${rateWords(perS)} now, `}${compactNumber(packets)} packets, ${byteWords(bytes)} in all`;
  return [
    port.up ? addressWords(port) : `down${(port.faults ?? []).map((fault) => `: ${fault}`).join('')}`,
    way('sent', rate?.sentPerS, port.counts.sent),
    way('received', rate?.receivedPerS, port.counts.received),
    droppedWords(port).length === 0 ? 'none dropped' : `dropped: ${droppedWords(port).join(', ')}`,
  ].join('; ');
}

/** An active interface as the commissioning record lists it. Pure. */
export function activeRecordWords(port: SeenActivePort): string {
  const through = [port.device, activeKindWords(port)].filter((part) => part !== '').join(', ');
  const hardware = port.mac === undefined ? '' : `hardware address ${port.mac}, `;
  const { sent, received } = port.counts;
  const dropped = droppedOf(port);
  return `${through}; ${hardware}${addressWords(port)}; ${[
    `${count(sent.packets)} packets sent`,
    `${count(received.packets)} received`,
    `${count(dropped.out)} dropped on the way out and ${count(dropped.in)} on the way in`,
  ].join(', ')}`;
}

function count(value: number): string {
  return value.toLocaleString('en');
}
