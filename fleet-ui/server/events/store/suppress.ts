import type { SuppressionRule } from '@bulkhead/fleet-api';
import { addressHex, inRange, parseRange, type AddressRange } from '@bulkhead/platform/kernel';

/** A rule that acts, with the id of its suppression. */
export type ActingRule = SuppressionRule & { id: string };

/** What is judged: an event, or one on its way into the store. */
interface Judged {
  sensor: string;
  record: Readonly<Record<string, unknown>>;
}

/** @returns the id of the suppression that covers an event; undefined: none does */
export type Suppressor = (event: Judged) => string | undefined;

/** Rules whose signature is looked up in the index; more are sifted record by record. */
const INDEXED_MOST = 64;

/** Makes rules ready to be asked for each event; a rule whose address cannot be read covers nothing. */
export function suppressorOf(rules: readonly ActingRule[]): Suppressor {
  if (rules.length === 0) return () => undefined;
  const bySignature = new Map<string, { rule: ActingRule; range: AddressRange | undefined }[]>();
  for (const rule of rules) {
    const range = rule.address === undefined ? undefined : parseRange(rule.address);
    if (rule.address !== undefined && range === undefined) continue;
    const same = bySignature.get(rule.signature) ?? [];
    bySignature.set(rule.signature, [...same, { rule, range }]);
  }
  return ({ sensor, record }) =>
    bySignature
      .get(signatureOf(record))
      ?.find(
        ({ rule, range }) =>
          rule.sensors?.includes(sensor) !== false &&
          (range === undefined || hasEnd(record, rule.side, range)),
      )?.rule.id;
}

/** Id of the signature that an alert names; empty when it names none. */
export function signatureOf(record: Readonly<Record<string, unknown>>): string {
  const { alert } = record;
  if (typeof alert !== 'object' || alert === null) return '';
  const id = (alert as { signature_id?: unknown }).signature_id;
  return typeof id === 'string' || typeof id === 'number' ? String(id).slice(0, 20) : '';
}

/**
 * What the index can say of rules by itself, as FTS5.
 * @returns `covered`: one of these stands in every event that is covered; `whole`: who has one of these is covered, whatever its
 *          addresses are. Undefined: nothing can be said.
 */
export function suppressedMatch(rules: readonly ActingRule[]): {
  covered: string | undefined;
  whole: string | undefined;
} {
  const terms = (some: readonly ActingRule[]): string[] =>
    some.map(({ signature, sensors }) =>
      sensors === undefined
        ? `"s=${signature}"`
        : `("s=${signature}" AND (${sensors.map((sensor) => `"h=${sensor}"`).join(' OR ')}))`,
    );
  const anyOf = (some: readonly string[]): string | undefined =>
    some.length === 0 ? undefined : `(${some.join(' OR ')})`;
  const whole = rules.filter(({ address }) => address === undefined).slice(0, INDEXED_MOST);
  return {
    covered: rules.length > INDEXED_MOST ? undefined : anyOf(terms(rules)),
    whole: anyOf(terms(whole)),
  };
}

function hasEnd(
  record: Readonly<Record<string, unknown>>,
  side: SuppressionRule['side'],
  range: AddressRange,
): boolean {
  const ends = [
    ...(side === 'destination' ? [] : [record['src_ip']]),
    ...(side === 'source' ? [] : [record['dest_ip']]),
  ];
  return ends.some((end) => {
    const hex = typeof end === 'string' ? addressHex(end) : undefined;
    return hex !== undefined && inRange(hex, range);
  });
}
