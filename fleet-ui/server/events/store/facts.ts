import type { EventSeverity } from '@bulkhead/fleet-api';
import { severityOf } from './severity.ts';
import { addressHex, addressWords } from '@bulkhead/platform/kernel';

/** What can be asked about one record. Made anew from the record whenever it is needed: the index only finds candidates. */
export interface Facts {
  /** Hex, see addressHex. */
  addresses: ReadonlySet<string>;
  /** Lower case, without the last dot. */
  names: ReadonlySet<string>;
  signature: string;
  signatureId: string;
  severity: EventSeverity;
  flow: string;
  community: string;
  words: ReadonlySet<string>;
  /** There was more in the record than is indexed. */
  partial: boolean;
}

/** A record is hostile: all of these bound what one of them can cost. */
const LIMITS = Object.freeze({
  depth: 12,
  values: 400,
  textPerValue: 512,
  words: 64,
  wordLength: 40,
  addresses: 32,
  names: 24,
  nameLength: 253,
});

/** Values that are not text for people; their words would only fill the index. */
const NOT_TEXT: ReadonlySet<string> = new Set([
  ...['timestamp', 'event_type', 'payload', 'packet', 'flow_id', 'community_id', 'start', 'end', 'in_iface'],
  ...['notbefore', 'notafter', 'pkt_src', 'fingerprint', 'serial', 'tx_id'],
]);
/** Keys whose values are names of hosts, users or services. */
const NAME_KEYS: ReadonlySet<string> = new Set([
  ...['rrname', 'rdata', 'hostname', 'sni', 'http_refer_hostname', 'host', 'server_name', 'query', 'name'],
  ...['domain', 'fqdn', 'username', 'user', 'client_hostname', 'ntlmssp_host'],
]);
const EMBEDDED_V4 = /(?<![\w.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?![\w.]\w)/g;
const MAY_BE_ADDRESS = /^[0-9a-f:]{1,4}[.:0-9a-f]{2,41}$/i;
const LOOKS_V6 = /[0-9a-f]{0,4}:[0-9a-f]{0,4}:[0-9a-f:]/i;

class Collector {
  readonly addresses = new Set<string>();
  readonly names = new Set<string>();
  readonly words = new Set<string>();
  partial = false;
  #values: number = LIMITS.values;

  walk(value: unknown, key: string, depth: number): void {
    if (value === null || typeof value === 'boolean' || typeof value === 'number') return;
    if (typeof value === 'string') {
      this.#values -= 1;
      if (this.#values < 0) this.partial = true;
      else this.#text(value, key);
      return;
    }
    if (depth > LIMITS.depth || this.#values < 0) {
      this.partial = true;
      return;
    }
    if (Array.isArray(value)) for (const item of value) this.walk(item, key, depth + 1);
    else {
      const fields = value as Record<string, unknown>;
      for (const inner of Object.keys(fields)) this.walk(fields[inner], inner, depth + 1);
    }
  }

  #text(value: string, key: string): void {
    if (NOT_TEXT.has(key)) {
      // Not for search, and yet an address or a name may stand in a payload: then only the record itself can tell.
      if (key === 'payload' || key === 'packet') return;
      if (value.length > 64) this.partial = true;
      return;
    }
    const hex = MAY_BE_ADDRESS.test(value) ? addressHex(value) : undefined;
    if (hex !== undefined) {
      this.#addAddress(hex);
      return;
    }
    const text = value.length > LIMITS.textPerValue ? value.slice(0, LIMITS.textPerValue) : value;
    if (text.length < value.length) this.partial = true;
    if (NAME_KEYS.has(key)) this.#addName(text);
    if (text.includes('.')) {
      for (const [found] of text.matchAll(EMBEDDED_V4)) {
        const inner = addressHex(found);
        if (inner !== undefined) this.#addAddress(inner);
      }
    }
    if (text.includes(':') && LOOKS_V6.test(text)) this.partial = true;
    for (const word of wordsOf(text)) {
      if (this.words.size >= LIMITS.words) {
        this.partial = true;
        break;
      }
      this.words.add(word);
    }
  }

  #addAddress(hex: string): void {
    if (this.addresses.size < LIMITS.addresses) this.addresses.add(hex);
    else this.partial = true;
  }

  #addName(text: string): void {
    const name = normalName(text);
    if (name === '' || name.length > LIMITS.nameLength || this.names.size >= LIMITS.names) {
      if (name !== '') this.partial = true;
      return;
    }
    this.names.add(name);
  }
}

/** Everything about a record that can be asked for. Never throws. */
export function factsOf(record: Readonly<Record<string, unknown>>): Facts {
  const collector = new Collector();
  collector.walk(record, '', 0);
  const alert = asObject(record['alert']);
  return {
    addresses: collector.addresses,
    names: collector.names,
    words: collector.words,
    partial: collector.partial,
    signature: typeof alert['signature'] === 'string' ? alert['signature'].slice(0, 512) : '',
    signatureId: scalar(alert['signature_id'], 20),
    severity: severityOf(record),
    flow: scalar(record['flow_id'], 24),
    community: scalar(record['community_id'], 64),
  };
}

/**
 * The index words of records. Addresses and names come again and again, so their words are kept, boundedly.
 * Words of a record's text have no `=`, so they cannot pose as facts.
 */
export class IndexWords {
  readonly #kept = new Map<string, string>();

  /** The words of one record, separated by spaces; a word may stand there twice. */
  of(sensor: string, instrument: string, type: string, facts: Facts): string {
    let words = `h=${sensor} i=${instrument} t=${plain(type)}`;
    if (facts.severity !== 'info') words += ` v=${facts.severity}`;
    if (facts.signatureId !== '') words += ` s=${plain(facts.signatureId)}`;
    if (facts.flow !== '') words += ` f=${plain(facts.flow)}`;
    if (facts.community !== '') words += ` c=${plain(facts.community)}`;
    if (facts.partial) words += ' x=1';
    for (const hex of facts.addresses) words += this.#keep(hex, addressWords);
    for (const name of facts.names) words += this.#keep(`.${name}`, namedWords);
    for (const word of facts.words) words += ` ${word}`;
    return words;
  }

  #keep(key: string, make: (key: string) => string[]): string {
    let words = this.#kept.get(key);
    if (words === undefined) {
      if (this.#kept.size >= KEPT_WORDS) this.#kept.clear();
      words = ` ${make(key).join(' ')}`;
      this.#kept.set(key, words);
    }
    return words;
  }
}

const KEPT_WORDS = 20_000;
const namedWords = (key: string): string[] => nameWords(key.slice(1));

/** Lower case, no dot at the end, no white space around. */
export function normalName(text: string): string {
  return text.trim().toLowerCase().replace(/\.$/, '');
}

/** `n=` the whole name; `d=` each domain that it lies below, nearest first, at most 8. */
export function nameWords(name: string): string[] {
  const words = [`n=${plain(name)}`];
  let dot = name.indexOf('.');
  for (let level = 0; dot !== -1 && level < 8; level += 1) {
    words.push(`d=${plain(name.slice(dot + 1))}`);
    dot = name.indexOf('.', dot + 1);
  }
  return words;
}

/** Characters that the index takes as part of one word; everything else becomes `_`, and the record decides. */
export function plain(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9._:-]/g, '_');
}

/** Words of a text, as the index and the questions see them: runs of letters and digits, lower case, cut. */
export function wordsOf(text: string): string[] {
  const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.map((word) => (word.length > LIMITS.wordLength ? word.slice(0, LIMITS.wordLength) : word));
}

function scalar(value: unknown, most: number): string {
  if (typeof value !== 'string' && typeof value !== 'number') return '';
  return String(value).slice(0, most);
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
