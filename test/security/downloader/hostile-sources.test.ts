import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIMITS } from '../../../instruments/downloader/src/limits.ts';
import { jobOf, openDownloadBench, type DownloadBench } from '../../support/download-bench.ts';
import { openRawSource, openSource, type Source } from '../../support/download-source.ts';

const HOST = 'source.example.test';
const MIB = 1024 * 1024;
/** Much shorter than in life; only for sources that waste time, since a busy machine is slow too. */
const SHORT = {
  headMs: 700,
  idleMs: 700,
  rateWindowMs: 700,
  minBytesPerS: 4_096,
  totalMs: 1_500,
  totalBytesPerS: 1_000 * MIB,
};

let bench: DownloadBench;
const open: Pick<Source, 'close'>[] = [];
const timers: NodeJS.Timeout[] = [];

beforeEach(async () => {
  bench = await openDownloadBench();
  bench.names.set(HOST, ['127.0.0.1']);
});

afterEach(async () => {
  timers.splice(0).forEach(clearInterval);
  await Promise.all(open.splice(0).map((source) => source.close()));
  await bench.dispose();
});

async function web(answer: Source['answer']): Promise<string> {
  const source = await openSource(answer);
  open.push(source);
  return `http://${HOST}:${String(source.port)}/feed.txt`;
}

async function raw(speak: (socket: Socket) => void): Promise<string> {
  const source = await openRawSource(speak);
  open.push(source);
  return `http://${HOST}:${String(source.port)}/feed.txt`;
}

function every(ms: number, work: () => void): void {
  timers.push(setInterval(work, ms));
}

/** The code of a try; nothing of it may be left, and an honest source must be served next. */
async function codeOf(url: string, more: Parameters<typeof jobOf>[1] = {}): Promise<string | undefined> {
  expect(await bench.try(jobOf(url, { maxBytes: MIB, ...more }))).toMatchObject({ kind: 'failed' });
  const code = bench.codeOf('rules/feed');
  expect(bench.delivered).toEqual([]);
  expect(bench.files('outbox')).toEqual([]);
  Object.assign(bench.limits, LIMITS);
  const honest = await web((_, response) => response.end('fine'));
  expect(await bench.try(jobOf(honest, { id: 'other/feed' }))).toEqual({ kind: 'done' });
  bench.delivered.splice(0);
  return code;
}

/** Writes as long as anybody reads. */
function flood(response: ServerResponse | Socket, chunk: Buffer): void {
  const write = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', write);
  };
  write();
}

test('ABUSE 28: an endless body is cut off at the approved size, and nothing of it is kept', async () => {
  const url = await web((_, response) => {
    flood(response, Buffer.alloc(64 * 1024, 'x'));
  });
  expect(await codeOf(url)).toBe('DOWNLOADER_TOO_LARGE');
  expect(bench.files('partial')).toEqual([]);
});

test('ABUSE 28: a body that announces more than is approved is not read', async () => {
  let sent = 0;
  const url = await web((_, response) => {
    response.writeHead(200, { 'content-length': 100 * MIB });
    response.flushHeaders();
    every(200, () => {
      sent += 1;
      response.write('x');
    });
    response.on('close', () => {
      timers.splice(0).forEach(clearInterval);
    });
  });
  expect(await codeOf(url)).toBe('DOWNLOADER_TOO_LARGE');
  expect(sent).toBeLessThan(10);
});

test.each([
  [
    'crawls',
    'DOWNLOADER_TOO_SLOW',
    { idleMs: 60_000, totalMs: 60_000 },
    (response: ServerResponse) => every(50, () => response.write('x')),
  ],
  ['stops', 'DOWNLOADER_TIMEOUT', { minBytesPerS: 0, totalMs: 60_000 }, () => undefined],
  [
    'takes for ever',
    'DOWNLOADER_TIMEOUT',
    { minBytesPerS: 0, idleMs: 60_000 },
    (response: ServerResponse) => every(40, () => response.write('x')),
  ],
])('ABUSE 28: a body that %s is cut off', async (_, code, limits, then) => {
  Object.assign(bench.limits, SHORT, limits);
  const url = await web((_request, response) => {
    response.write('first');
    then(response);
  });
  expect(await codeOf(url)).toBe(code);
});

test.each([
  ['never comes', () => undefined],
  [
    'drips',
    (socket: Socket) => {
      socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
      every(50, () => socket.write('x'));
    },
  ],
  [
    'follows endless interim ones',
    (socket: Socket) => every(20, () => socket.write('HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n')),
  ],
])('ABUSE 28: a head that %s is waited for no longer than its time', async (_, then) => {
  Object.assign(bench.limits, { headMs: 700 });
  expect(await codeOf(await raw(then))).toBe('DOWNLOADER_TIMEOUT');
});

test('ABUSE 28: a compressed bomb is unpacked no further than the approved size', async () => {
  const bomb = gzipSync(Buffer.alloc(100 * MIB), { level: 9 });
  expect(bomb.length).toBeLessThan(MIB);
  const url = await web((_, response) =>
    response.writeHead(200, { 'content-encoding': 'gzip', 'content-length': bomb.length }).end(bomb),
  );
  const before = process.memoryUsage().rss;
  expect(await codeOf(url)).toBe('DOWNLOADER_TOO_LARGE');
  expect(process.memoryUsage().rss - before).toBeLessThan(60 * MIB);
  expect(bench.files('partial')).toEqual([]);
});

test.each(['br', 'deflate', 'zstd', 'gzip, gzip', 'identity, gzip', 'x'.repeat(500)])(
  'ABUSE 28: the encoding %s, which was not asked for, is refused',
  async (encoding) => {
    const url = await web((_, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end('x'),
    );
    expect(await codeOf(url)).toBe('DOWNLOADER_ENCODING_REFUSED');
  },
);

test('ABUSE 28: what says that it is gzip and is not, or ends early, is refused', async () => {
  const cut = gzipSync('x'.repeat(10_000)).subarray(0, 30);
  for (const content of [Buffer.from('<html>'), cut]) {
    const url = await web((_, response) =>
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(content),
    );
    expect(await codeOf(url)).toBe('DOWNLOADER_ENCODING_REFUSED');
  }
});

test('ABUSE 28: huge heads, endless heads and other protocols are refused', async () => {
  const huge = await web((_, response) =>
    response.writeHead(200, { 'x-big': 'x'.repeat(80 * 1024) }).end('x'),
  );
  expect(await codeOf(huge)).toBe('DOWNLOADER_HEADERS_REFUSED');
  const endless = await raw((socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    flood(socket, Buffer.from('X-More: x\r\n'.repeat(100)));
  });
  expect(await codeOf(endless)).toBe('DOWNLOADER_HEADERS_REFUSED');
  const other = await raw((socket) => socket.end('SSH-2.0-OpenSSH_9.2p1\r\n'));
  expect(await codeOf(other)).toBe('DOWNLOADER_HEADERS_REFUSED');
  const smuggled = await raw((socket) =>
    socket.end(
      'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
    ),
  );
  expect(await codeOf(smuggled)).toBe('DOWNLOADER_HEADERS_REFUSED');
  const twice = await raw((socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde'),
  );
  expect(await codeOf(twice)).toBe('DOWNLOADER_HEADERS_REFUSED');
});

test('ABUSE 28: endless trailers and chunk extensions end the transfer', async () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  const trailers = await raw((socket) => {
    socket.write(`${head}1\r\nx\r\n0\r\n`);
    flood(socket, Buffer.from('X-More: x\r\n'.repeat(100)));
  });
  expect(await codeOf(trailers)).toBe('DOWNLOADER_BROKEN_OFF');
  const extensions = await raw((socket) => {
    socket.write(`${head}1;`);
    flood(socket, Buffer.alloc(1_000, 'x'));
  });
  expect(await codeOf(extensions)).toBe('DOWNLOADER_BROKEN_OFF');
});

test('ABUSE 28: endless redirects end after the fifth', async () => {
  let requests = 0;
  const url = await web((_, response) => {
    requests += 1;
    response.writeHead(302, { location: `/${String(requests)}` }).end();
  });
  expect(await codeOf(url)).toBe('DOWNLOADER_REDIRECT_REFUSED');
  expect(requests).toBe(6);
});

test('ABUSE 28: a length that is not kept, and an end that is not marked, are refused', async () => {
  const short = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort'));
  expect(await codeOf(short)).toBe('DOWNLOADER_BROKEN_OFF');
  const unfinished = await raw((socket) =>
    socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n'),
  );
  expect(await codeOf(unfinished)).toBe('DOWNLOADER_BROKEN_OFF');
  const unmarked = await raw((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nanybody could cut this'));
  expect(await codeOf(unmarked)).toBe('DOWNLOADER_LENGTH_UNKNOWN');
});

test('ABUSE 28: an empty file and a web page in the place of the file are refused', async () => {
  const empty = await web((_, response) => response.writeHead(200, { 'content-length': 0 }).end());
  expect(await codeOf(empty)).toBe('DOWNLOADER_EMPTY');
  const page = await web((_, response) =>
    response.writeHead(200, { 'content-type': 'Text/HTML; charset=utf-8' }).end('<html>sign in</html>'),
  );
  expect(await codeOf(page)).toBe('DOWNLOADER_TYPE_REFUSED');
});

test('ABUSE 28: parts that were not asked for are refused, and statuses are told', async () => {
  const part = await web((_, response) =>
    response.writeHead(206, { 'content-range': 'bytes 5-9/10', 'content-length': 5 }).end('56789'),
  );
  expect(await codeOf(part)).toBe('DOWNLOADER_STATUS');
  // Nobody asked whether it changed.
  await bench.try(jobOf(await web((_, response) => response.end('fine'))));
  bench.delivered.splice(0);
  for (const status of [204, 304, 401, 404, 500, 599]) {
    const url = await web((_, response) => response.writeHead(status).end());
    expect(await codeOf(url)).toBe('DOWNLOADER_STATUS');
  }
});

test('ABUSE 28: what a source writes into its answers does not reach people as it is', async () => {
  const url = await raw((socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Encoding: \x1b]0;owned\x07\x9b31m\r\nContent-Length: 1\r\n\r\nx'),
  );
  await codeOf(url);
  for (const { record } of bench.events) expect(JSON.stringify(record)).toMatch(/^[\x20-\x7e]*$/);
});
