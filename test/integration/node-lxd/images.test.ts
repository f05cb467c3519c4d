import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLxd, type Operation } from '@bulkhead/node-lxd';
import { waitFor } from '@bulkhead/platform/kernel';
import { throwAwayProject, type ThrowAwayProject } from '../../support/lxd-project.ts';

let at: ThrowAwayProject;

beforeAll(async () => {
  at = await throwAwayProject();
});

afterAll(async () => {
  await at.dispose();
});

test('an image is imported from a file, has the file’s hash, gets and loses aliases, and is deleted', async () => {
  const hash = createHash('sha256')
    .update(await readFile(at.tarball))
    .digest('hex');
  const fingerprint = await at.project.images.importFile(at.tarball, {
    fingerprint: hash,
    aliases: ['tiny'],
  });
  expect(fingerprint).toBe(hash);
  expect(await at.project.images.get(hash)).toMatchObject({ fingerprint: hash, type: 'container' });
  expect((await at.project.images.list()).map((image) => image.fingerprint)).toEqual([hash]);
  await at.project.images.createAlias('again', hash);
  expect((await at.project.images.aliases()).map((alias) => alias.name).sort()).toEqual(['again', 'tiny']);
  await at.project.images.deleteAlias('again');
  await expect(at.project.images.importFile(at.tarball)).rejects.toThrow(/fingerprint already exists/);
  await at.project.images.delete(hash);
  expect(await at.project.images.list()).toEqual([]);
});

test('a file that is not the expected one is refused by the daemon', async () => {
  await expect(
    at.project.images.importFile(at.tarball, { fingerprint: '0'.repeat(64) }),
  ).rejects.toMatchObject({ code: 'LXD_OPERATION_FAILED' });
  expect(await at.project.images.list()).toEqual([]);
});

test('an aborted operation is cancelled in the daemon', async () => {
  const slow = await slowImageServer();
  try {
    const stop = new AbortController();
    const importing = at.project.images.importUrl(slow.url, { signal: stop.signal });
    importing.catch(() => undefined);
    const running = await waitFor('the download to run', 10_000, async () => {
      return (await at.project.operations.list()).find((operation) => operation.status === 'Running');
    });
    await slow.asked;
    stop.abort();
    await expect(importing).rejects.toMatchObject({
      code: 'LXD_ABORTED',
      message: expect.stringContaining('it was cancelled') as string,
    });
    await waitFor('the operation to be gone', 10_000, async () => {
      const found: Operation | undefined = await at.project.operations.get(running.id).catch(() => undefined);
      return found === undefined || found.status_code >= 400;
    });
    expect(await at.project.images.list()).toEqual([]);
  } finally {
    slow.close();
  }
});

test('a daemon that is gone is one clear error', async () => {
  const socket = join(at.dir, 'nobody.socket');
  const lxd = await openLxd({ socket });
  await expect(lxd.server()).rejects.toMatchObject({
    code: 'LXD_UNREACHABLE',
    message: `The LXD daemon does not answer at ${socket}: there is no such socket.`,
  });
  await expect(lxd.events({ onEvent: () => undefined })).rejects.toMatchObject({ code: 'LXD_UNREACHABLE' });
  const deaf = createServer();
  await new Promise<void>((resolve) => deaf.listen(socket, resolve));
  deaf.on('request', (request) => request.socket.destroy());
  await expect(lxd.server()).rejects.toMatchObject({ code: 'LXD_UNREACHABLE' });
  deaf.removeAllListeners('request');
  await expect(lxd.server({ timeoutMs: 500 })).rejects.toMatchObject({ code: 'LXD_TIMEOUT' });
  deaf.removeAllListeners('request').on('request', (_request, response) => response.end('<html>'));
  await expect(lxd.server()).rejects.toMatchObject({ code: 'LXD_BAD_ANSWER' });
  deaf.closeAllConnections();
  deaf.close();
  await lxd.close();
});

/** Announces an image and then sends its body for ever, slowly. */
async function slowImageServer() {
  let tell = (): void => undefined;
  const asked = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const server: Server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    response.setHeader('LXD-Image-Hash', 'a'.repeat(64));
    response.setHeader('LXD-Image-URL', `http://127.0.0.1:${String(port)}/body`);
    if (request.url !== '/body') {
      response.end();
      return;
    }
    tell();
    response.setHeader('content-length', 1e9);
    const timer = setInterval(() => response.write('x'.repeat(1000)), 50);
    response.on('close', () => {
      clearInterval(timer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${String(port)}/image`, asked, close };
}
