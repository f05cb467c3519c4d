import { verify } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { Ca, readRequest } from '@bulkhead/fleet-server/ca';
import { openLinkServer, type LinkServer, type LinkServerOptions } from '@bulkhead/fleet-server/link';
import {
  AdoptRequestSchema,
  ENROLMENT_PATHS,
  formatJoinToken,
  ReturnRequestSchema,
  returnSigningInput,
} from '@bulkhead/platform/contracts';
import { BulkheadError, openLog } from '@bulkhead/platform/kernel';
import { testSensorId } from '../fleet/sensor-ids.ts';
import { freePort } from '../free-port.ts';

const DAY_MS = 86_400_000;
export const TEST_LOG = openLog('test', process.env['BULKHEAD_TEST_LOG'] ?? 'silent');

/** A fleet for sensors that are really joined: real CA, real link, enrolment over HTTPS as the contract has it. */
export interface FleetBench {
  readonly ca: Ca;
  readonly link: LinkServer;
  /** For people and enrolment, 127.0.0.1. */
  readonly port: number;
  /** What the CA takes for the time. */
  clock: { aheadMs: number };
  /** Asks that came, e.g. `POST /api/v1/enrol/adopt`. */
  readonly asked: string[];
  readonly adopted: { code: string; csr: string; name: string | undefined; config: string | undefined }[];
  readonly uplinks: { sensor: string; stream: Duplex; publicKey: string }[];
  /** What a sensor that returns is told. */
  returning: 'waiting' | 'granted' | 'refused';
  /** Ends the connection instead of telling the sensor that it was adopted, so many times. */
  loseAnswers: number;
  token: (code?: string) => string;
  restartLink: () => Promise<void>;
  stopLink: () => Promise<void>;
  dispose: () => Promise<void>;
}

export interface FleetBenchOptions extends Partial<LinkServerOptions> {
  /** Enrolment over HTTP, as on one machine. */
  plain?: boolean;
}

export async function openFleetBench({
  plain = false,
  ...options
}: FleetBenchOptions = {}): Promise<FleetBench> {
  const dir = await mkdtemp(join(tmpdir(), 'bulkhead-fleet-'));
  const clock = { aheadMs: 0 };
  const ca = await Ca.open({
    dir: join(dir, 'ca'),
    names: ['127.0.0.1'],
    log: TEST_LOG,
    now: () => Date.now() + clock.aheadMs,
  });
  const bench = {
    clock,
    asked: [],
    adopted: [],
    uplinks: [],
    returning: 'waiting',
    loseAnswers: 0,
  } as unknown as {
    -readonly [K in keyof FleetBench]: FleetBench[K];
  };
  bench.ca = ca;
  // Free again when it listens once more.
  const linkPort = await freePort();
  const openLink = async (): Promise<void> => {
    const { key, cert } = ca.linkPair();
    bench.link = openLinkServer({
      host: '127.0.0.1',
      port: linkPort,
      tls: { ca: ca.certificate, certificate: cert, key },
      fleetVersion: '0.1.0',
      log: TEST_LOG,
      authorise: () => 'ok',
      renew: async ({ sensor, csr }) => [Buffer.from((await ca.issue(sensor, await readRequest(csr))).der)],
      onUplink: (sensor, stream, publicKey) => bench.uplinks.push({ sensor, stream, publicKey }),
      ...options,
    });
    await bench.link.start();
  };
  await openLink();
  const byCode = new Map<string, { sensor: string; csr: string }>();
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    bench.asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    const body = await jsonOf(request);
    switch (request.url) {
      case ENROLMENT_PATHS.ca:
        return { ca: ca.certificate, fingerprint: ca.fingerprint };
      case ENROLMENT_PATHS.adopt: {
        const { code, csr, name, config } = AdoptRequestSchema.parse(body);
        const before = byCode.get(code);
        if (before !== undefined && before.csr !== csr) throw usedCode();
        const sensor = before?.sensor ?? testSensorId(byCode.size + 1);
        byCode.set(code, { sensor, csr });
        bench.adopted.push({ code, csr, name, config });
        const { pem } = await ca.issue(sensor, await readRequest(csr));
        const linkAddress = `127.0.0.1:${String(linkPort)}`;
        return { sensor, name: name ?? 'new', chain: [pem], ca: ca.certificate, linkAddress };
      }
      case ENROLMENT_PATHS.nonce:
        return { nonce: 'a-nonce-of-this-test', expiresInS: 60 };
      case ENROLMENT_PATHS.return: {
        const { certificate, csr, nonce, signature } = ReturnRequestSchema.parse(body);
        const holder = ca.identify(certificate);
        const input = returnSigningInput(csr, nonce);
        const proven = verify(
          'sha256',
          input,
          holder.certificate.publicKey,
          Buffer.from(signature, 'base64'),
        );
        if (!proven || bench.returning === 'refused') return { state: 'refused', message: 'it was replaced' };
        if (bench.returning === 'waiting') return { state: 'waiting', sensor: holder.sensor };
        const { pem } = await ca.issue(holder.sensor, await readRequest(csr));
        return { state: 'granted', sensor: holder.sensor, chain: [pem] };
      }
      default:
        throw new BulkheadError({ code: 'FLEET_WEB_UNKNOWN', message: 'There is no such thing.' });
    }
  };
  const web = plain
    ? createPlainServer()
    : createServer({
        ...ca.web.current(),
        SNICallback: (name, done) => {
          ca.web.contextFor(name).then(
            (context) => {
              done(null, context);
            },
            (error: unknown) => {
              done(error as Error);
            },
          );
        },
      });
  web.on('request', (request: IncomingMessage, response: ServerResponse) => {
    answer(request).then(
      (value) => {
        if (request.url === ENROLMENT_PATHS.adopt && bench.loseAnswers-- > 0) {
          request.socket.destroy();
          return;
        }
        response.setHeader('content-type', 'application/json').end(JSON.stringify(value));
      },
      (error: unknown) => {
        const shown =
          error instanceof BulkheadError ? error.toJSON() : { code: 'X_X', message: String(error) };
        response.writeHead(409, { 'content-type': 'application/json' }).end(JSON.stringify(shown));
      },
    );
  });
  await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
  const { port } = web.address() as AddressInfo;
  return Object.assign(bench, {
    port,
    token: (code = 'AAAA-BBBB-CCCC') =>
      formatJoinToken({ code, host: '127.0.0.1', port, fingerprint: ca.fingerprint }),
    stopLink: () => bench.link.close(),
    restartLink: async () => {
      await bench.link.close();
      await openLink();
    },
    dispose: async () => {
      await bench.link.close();
      web.closeAllConnections();
      await new Promise((resolve) => web.close(resolve));
      await rm(dir, { recursive: true, force: true });
    },
  });
}

export const days = (count: number): number => count * DAY_MS;

function usedCode(): BulkheadError {
  return new BulkheadError({ code: 'FLEET_SENSORS_CODE_USED', message: 'The code was used already.' });
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString('utf8');
  return text === '' ? undefined : (JSON.parse(text) as unknown);
}
