import * as http from 'node:http';
import * as https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOSTS } from '../layout.ts';
import { fetchUrl, labResolver, lookupWith, type Answer } from './requests.ts';

/** What the clients did; sent to the lab now and then. */
export type Counters = Record<
  'lookups' | 'missing' | 'pages' | 'objects' | 'downloads' | 'logins' | 'failures',
  number
>;

interface Person {
  ip4: string;
  ip6: string;
  userAgent: string;
  /** Whose browser speaks which version: both kinds of handshake are on the wire. */
  maxTls: 'TLSv1.2' | 'TLSv1.3';
  family: 4 | 6;
}

const USER_AGENTS = [
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPad; CPU OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1',
];

export function person(index: number, addresses: { ip4: string; ip6: string }): Person {
  return {
    ...addresses,
    userAgent: USER_AGENTS[index % USER_AGENTS.length] ?? '',
    maxTls: index === 1 ? 'TLSv1.2' : 'TLSv1.3',
    family: index === 2 ? 6 : 4,
  };
}

/** One person at a browser until the signal: looks names up, reads pages, downloads, logs in, thinks in between. */
export async function browse(
  who: Person,
  ca: Buffer,
  counters: Counters,
  signal: AbortSignal,
): Promise<void> {
  const resolver = labResolver(who.ip4, who.ip6);
  const localAddress = who.family === 6 ? who.ip6 : who.ip4;
  const common = { keepAlive: true, maxSockets: 2, timeout: 15_000 };
  const agents = {
    http: new http.Agent(common),
    https: new https.Agent({ ...common, maxVersion: who.maxTls }),
  };
  const lookup = lookupWith(resolver, who.family);

  const fetchFrom = async (
    scheme: 'http' | 'https',
    host: string,
    path: string,
    form?: Record<string, string>,
  ): Promise<Answer> => {
    const body = form === undefined ? undefined : new URLSearchParams(form).toString();
    return fetchUrl(`${scheme}://${host}`, path, {
      agent: agents[scheme],
      ca,
      localAddress,
      lookup,
      family: who.family,
      method: form === undefined ? 'GET' : 'POST',
      headers: {
        Host: host,
        'User-Agent': who.userAgent,
        Accept: '*/*',
        ...(body === undefined
          ? {}
          : { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': String(body.length) }),
      },
      ...(body === undefined ? {} : { body }),
    });
  };

  const visit = async (): Promise<void> => {
    const scheme = Math.random() < 0.5 ? 'http' : 'https';
    await Promise.all([resolver.resolve4(HOSTS.www), resolver.resolve6(HOSTS.www)]);
    counters.lookups += 2;
    await fetchFrom(scheme, HOSTS.www, pick(['/', '/news.html', '/wards.html', '/contact.html']));
    counters.pages += 1;
    for (const path of ['/style.css', '/app.js', `/images/${String(roll(40))}.png`]) {
      await fetchFrom(scheme, HOSTS.www, path);
      counters.objects += 1;
    }
  };
  const download = async (): Promise<void> => {
    await fetchFrom('http', HOSTS.files, `/files/report-${String(16 + roll(240))}.bin`);
    counters.downloads += 1;
  };
  const logIn = async (): Promise<void> => {
    await fetchFrom('https', HOSTS.portal, '/login', { user: 'anna', password: `pw-${String(roll(1e6))}` });
    await fetchFrom('https', HOSTS.portal, '/home');
    counters.logins += 1;
  };
  const lookAround = async (): Promise<void> => {
    await resolver.resolveMx('lab.example');
    await resolver.resolveTxt('lab.example');
    counters.lookups += 2;
    // A name that nobody has: a mistyped address.
    await resolver.resolve4(`wwww${String(roll(90))}.lab.example`).catch(() => (counters.missing += 1));
  };

  const habits = [visit, visit, visit, visit, download, logIn, lookAround];
  // Each starts with a visit, so a sensor sees something at once; then at their own pace.
  for (let step: () => Promise<void> = visit; !signal.aborted; step = pick(habits)) {
    try {
      await step();
    } catch {
      counters.failures += 1;
    }
    await sleep(800 + roll(2_400), undefined, { signal }).catch(() => undefined);
  }
  agents.http.destroy();
  agents.https.destroy();
}

function roll(below: number): number {
  return Math.floor(Math.random() * below);
}

function pick<T>(list: readonly [T, ...T[]] | readonly T[]): T {
  return list[roll(list.length)] as T;
}
