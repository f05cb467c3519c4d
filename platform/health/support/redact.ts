import { createHmac, randomBytes } from 'node:crypto';

/** What was taken out of one text, by kind. */
export type Redactions = Record<string, number>;

/** How texts of a bundle are cleaned. */
export interface RedactOptions {
  /** Leave addresses and names as they are. Secrets are taken out all the same. */
  keepAddresses: boolean;
  /** Names that identify the place: of the machine, the sensor, its users. */
  names: readonly string[];
}

interface Rule {
  kind: string;
  pattern: RegExp;
  replace: (match: string, group: string) => string;
}

const REMOVED = '[redacted]';
const SECRET_WORD =
  '[A-Za-z0-9_.-]*(?:passw(?:or)?d|passphrase|secret|token|credential|api[_-]?key|private[_-]?key|authorization|cookie|seed)[A-Za-z0-9_.-]*';

/** Secrets, whatever they stand in. The first rules take whole blocks, so that none is left in pieces. */
const SECRETS: readonly Rule[] = [
  {
    kind: 'pem',
    pattern: /-----BEGIN [A-Z0-9 ]+-----[\s\S]*?(?:-----END [A-Z0-9 ]+-----|$)/g,
    replace: () => '[redacted: PEM]',
  },
  // nkey seeds and keys with their prefixes: https://docs.nats.io/running-a-nats-service/configuration/securing_nats/auth_intro/nkey_auth
  { kind: 'nkey', pattern: /\b[SP][A-Z2-7]{50,60}\b/g, replace: () => '[redacted: nkey]' },
  {
    kind: 'token',
    pattern: /\b(Bearer|Basic|Token)(\s+|%20)[A-Za-z0-9._~+/=-]{6,}/gi,
    replace: (_, word) => `${word} ${REMOVED}`,
  },
  {
    kind: 'token',
    pattern: /\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g,
    replace: () => REMOVED,
  },
  {
    kind: 'password',
    pattern: /([a-z][a-z0-9+.-]*:\/\/)[^\s/@:"']*:[^\s/@"']*@/gi,
    replace: (_, scheme) => `${scheme}${REMOVED}@`,
  },
  {
    kind: 'password',
    pattern: new RegExp(
      `(["']?${SECRET_WORD}["']?\\s*[:=]\\s*)("(?:[^"\\\\]|\\\\.)*"|'[^']*'|[^\\s,;}\\]"']+)`,
      'gi',
    ),
    replace: (_, head) => `${head}"${REMOVED}"`,
  },
];

const LONG_HEX = /\b[0-9a-f]{32,}\b/gi;
/** Long enough for a key of 24 bytes; one that holds capitals and small letters is no word and hardly a path. */
const LONG_BASE64 =
  /(?<![A-Za-z0-9+/_-])(?=[A-Za-z0-9+/_-]*[A-Z])(?=[A-Za-z0-9+/_-]*[a-z])[A-Za-z0-9+/_-]{32,}={0,2}(?![A-Za-z0-9+/_=-])/g;

const IPV4 = /(?<![\d.])(?:25[0-5]|2[0-4]\d|1?\d?\d)(?:\.(?:25[0-5]|2[0-4]\d|1?\d?\d)){3}(?![\d.]*\d)/g;
const IPV6 =
  /(?<![\w:.])(?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})(?:[0-9a-f]{1,4}(?::|(?![\w:])))*(?::[0-9a-f:]*)?(?![\w:])/gi;
const MAC = /\b[0-9a-f]{2}(?::[0-9a-f]{2}){5}\b/gi;
const DOMAIN =
  /(?<![\w./@-])(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+([a-z][a-z0-9-]{1,20})(?![\w/(-])/gi;
const MAIL = /[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}/g;
/** Addresses that say nothing of anybody's network. */
const PLAIN_ADDRESS =
  /^(?:127\.|0\.0\.0\.0$|255\.255\.255\.255$|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|::1?$)/;
/** Last labels that are no domain of anybody: files of ours, event types, parts of versions. */
const NOT_A_DOMAIN = new Set(
  (
    'yaml yml json js mjs cjs ts log sock socket conf rules txt md service gz zst xz tar img key nk db sqlite so o c h py sh node ' +
    'pid pcap target mount slice scope timer deb list started stopping stopped failed held drift attached lost restarted applied ' +
    'passed missed status get apply answer localhost local internal d'
  ).split(' '),
);

/**
 * Cleans texts for a bundle that leaves the machine: secrets are removed, addresses and names become `ip4-1`, `name-2`, the
 * same one everywhere in the bundle, so that what belongs together can still be seen.
 *
 * INVARIANTS: the table of pseudonyms lives in memory only and is never written; cleaning twice changes nothing more.
 */
export class Redactor {
  readonly #options: RedactOptions;
  readonly #pseudonyms = new Map<string, string>();
  readonly #counts = new Map<string, number>();
  readonly #salt = randomBytes(32);
  readonly #names: RegExp | undefined;

  constructor(options: RedactOptions) {
    this.#options = options;
    const names = [...new Set(options.names)]
      .filter((name) => name.length >= 2)
      .sort((a, b) => b.length - a.length)
      .map((name) => name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    this.#names =
      names.length === 0 ? undefined : new RegExp(`(?<![\\w-])(?:${names.join('|')})(?![\\w-])`, 'gi');
  }

  /** @returns the text without secrets, and what was taken out. */
  clean(text: string): { text: string; redactions: Redactions } {
    const redactions: Redactions = {};
    const count = (kind: string) => {
      redactions[kind] = (redactions[kind] ?? 0) + 1;
    };
    let out = text;
    for (const { kind, pattern, replace } of SECRETS) {
      out = out.replace(pattern, (match: string, group: unknown) => {
        if (match.includes('[redacted')) return match;
        count(kind);
        return replace(match, String(group));
      });
    }
    // Digests are worth comparing, and keys look just like them: both become a short mark that only this bundle knows.
    for (const pattern of [LONG_HEX, LONG_BASE64]) {
      out = out.replace(pattern, (match: string) => {
        count('key-like');
        return `[mark ${createHmac('sha256', this.#salt).update(match).digest('hex').slice(0, 8)}]`;
      });
    }
    if (this.#options.keepAddresses) return { text: out, redactions };
    const swap = (kind: string, pattern: RegExp, keep: (match: string) => boolean = () => false) => {
      out = out.replace(pattern, (match: string) => {
        if (match === '' || keep(match)) return match;
        count(kind);
        return this.#pseudonym(kind, match.toLowerCase());
      });
    };
    swap('mail', MAIL);
    swap('mac', MAC, (match) => match === '00:00:00:00:00:00' || match === 'ff:ff:ff:ff:ff:ff');
    swap('ip6', IPV6, (match) => PLAIN_ADDRESS.test(match));
    swap('ip4', IPV4, (match) => PLAIN_ADDRESS.test(match));
    if (this.#names !== undefined) swap('name', this.#names);
    swap('domain', DOMAIN, (match) =>
      NOT_A_DOMAIN.has(match.slice(match.lastIndexOf('.') + 1).toLowerCase()),
    );
    return { text: out, redactions };
  }

  /** A value of a configuration: what has the name of a secret is removed whole, every text in it is cleaned. */
  cleanValue(value: unknown): { value: unknown; redactions: Redactions } {
    const redactions: Redactions = {};
    const visit = (inner: unknown, key: string): unknown => {
      if (
        inner !== null &&
        inner !== undefined &&
        /passw|passphrase|secret|token(?!File)|credential|key(?!File)|auth|seed|cookie/i.test(key)
      ) {
        redactions['option'] = (redactions['option'] ?? 0) + 1;
        return REMOVED;
      }
      if (Array.isArray(inner)) return inner.map((each) => visit(each, ''));
      if (typeof inner === 'object' && inner !== null) {
        return Object.fromEntries(Object.entries(inner).map(([name, each]) => [name, visit(each, name)]));
      }
      return inner;
    };
    return { value: visit(value, ''), redactions };
  }

  #pseudonym(kind: string, value: string): string {
    const key = `${kind} ${value}`;
    let name = this.#pseudonyms.get(key);
    if (name === undefined) {
      const next = (this.#counts.get(kind) ?? 0) + 1;
      this.#counts.set(kind, next);
      name = `${kind}-${String(next)}`;
      this.#pseudonyms.set(key, name);
    }
    return name;
  }
}
