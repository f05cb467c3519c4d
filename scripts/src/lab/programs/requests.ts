import { Resolver } from 'node:dns/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import type { LookupFunction } from 'node:net';
import { ADDRESSES } from '../layout.ts';

/** A request and what came back. */
export interface RequestOptions {
  method?: 'GET' | 'POST';
  headers?: Record<string, string>;
  body?: string;
  /** 4 or 6. */
  family?: 4 | 6;
  agent?: http.Agent;
  ca?: Buffer;
  localAddress?: string;
  lookup?: LookupFunction;
}

export interface Answer {
  status: number;
  bytes: number;
  body: string;
}

const TIMEOUT_MS = 5_000;

/** Fetches an http: or https: URL, reads the whole answer. The path is sent exactly as written (no normalisation). */
export function fetchUrl(origin: string, path: string, options: RequestOptions = {}): Promise<Answer> {
  const url = new URL(origin);
  const { body, ...rest } = options;
  const transport = url.protocol === 'https:' ? https : http;
  return new Promise((resolve, reject) => {
    const request = transport.request(
      { ...rest, hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port, path, timeout: TIMEOUT_MS },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const whole = Buffer.concat(chunks);
          const text = whole.subarray(0, 4096).toString('latin1');
          resolve({ status: response.statusCode ?? 0, bytes: whole.length, body: text });
        });
      },
    );
    request.on('error', reject);
    request.on('timeout', () =>
      request.destroy(new Error(`${origin} was silent for ${String(TIMEOUT_MS)} ms`)),
    );
    request.end(body);
  });
}

/** A resolver that asks the lab's DNS server from one of the clients' addresses. */
export function labResolver(ip4: string, ip6: string): Resolver {
  const resolver = new Resolver({ timeout: 1_000, tries: 3 });
  resolver.setServers([ADDRESSES.server.ip4]);
  resolver.setLocalAddress(ip4, ip6);
  return resolver;
}

/** Makes a name look-up for connections out of a resolver: real queries instead of the machine's own files. */
export function lookupWith(resolver: Resolver, family: 4 | 6): LookupFunction {
  return (name, options, callback) => {
    const query = family === 6 ? resolver.resolve6(name) : resolver.resolve4(name);
    query.then(
      ([address = '']) => {
        if (options.all === true) callback(null, [{ address, family }]);
        else callback(null, address, family);
      },
      (error: unknown) => {
        callback(error as NodeJS.ErrnoException, '', family);
      },
    );
  };
}
