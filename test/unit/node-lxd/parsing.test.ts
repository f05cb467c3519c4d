import { expect, test } from 'vitest';
import { findSocket, KNOWN_SOCKETS } from '@bulkhead/node-lxd';
import { codeOfStatus, unreachable } from '../../../platform/node-lxd/errors.ts';
import { parseEvent } from '../../../platform/node-lxd/events.ts';
import { exitCodeOf } from '../../../platform/node-lxd/exec.ts';
import { fileAttributes } from '../../../platform/node-lxd/files.ts';
import { operationId, progressOf } from '../../../platform/node-lxd/operations.ts';
import { parseServer } from '../../../platform/node-lxd/server.ts';
import { apiPath, parseEnvelope, withQuery } from '../../../platform/node-lxd/transport.ts';

const answer = (status: number, body: unknown, headers: Record<string, string> = {}) => ({
  status,
  headers,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
});

test('a sync answer gives its metadata and tag, an async one its operation', () => {
  expect(parseEnvelope(answer(200, { type: 'sync', metadata: [1] }, { etag: 'abc' }))).toEqual({
    type: 'sync',
    metadata: [1],
    operation: '',
    etag: 'abc',
  });
  const uuid = '0638f26d-f94b-49b2-89c6-73732f013ce0';
  const envelope = parseEnvelope(
    answer(202, { type: 'async', operation: `/1.0/operations/${uuid}?project=x` }),
  );
  expect(operationId(envelope)).toBe(uuid);
});

test.each([
  [400, 'LXD_BAD_REQUEST'],
  [401, 'LXD_FORBIDDEN'],
  [403, 'LXD_FORBIDDEN'],
  [404, 'LXD_NOT_FOUND'],
  [409, 'LXD_CONFLICT'],
  [412, 'LXD_CHANGED'],
  [500, 'LXD_SERVER_ERROR'],
  [503, 'LXD_SERVER_ERROR'],
])('status %i is %s, with the daemon’s words', (status, code) => {
  expect(codeOfStatus(status)).toBe(code);
  expect(() =>
    parseEnvelope(answer(status, { type: 'error', error: 'because', error_code: status })),
  ).toThrow(expect.objectContaining({ code, status, message: 'LXD refused: because' }) as Error);
});

test.each([
  ['no JSON', answer(200, '<html>')],
  ['no envelope', answer(200, { hello: 1 })],
  ['null', answer(200, 'null')],
  ['a list', answer(200, [])],
])('%s is LXD_BAD_ANSWER', (_what, raw) => {
  expect(() => parseEnvelope(raw)).toThrow(expect.objectContaining({ code: 'LXD_BAD_ANSWER' }) as Error);
});

test('an operation that is no operation is refused', () => {
  for (const operation of ['', '/1.0/operations/', '/1.0/operations/../instances', '/1.0/instances/x']) {
    const envelope = { type: 'async', metadata: null, operation, etag: undefined } as const;
    expect(() => operationId(envelope)).toThrow(expect.objectContaining({ code: 'LXD_BAD_ANSWER' }) as Error);
  }
});

test('names are encoded into paths and queries', () => {
  expect(apiPath('instances', '../../projects', 'state')).toBe('/1.0/instances/..%2F..%2Fprojects/state');
  expect(withQuery('/1.0/x', { project: 'a&b=c', recursion: 1, none: undefined })).toBe(
    '/1.0/x?project=a%26b%3Dc&recursion=1',
  );
  expect(withQuery('/1.0/x', {})).toBe('/1.0/x');
});

test('events of known kinds are read, everything else is passed over', () => {
  const lifecycle = { action: 'instance-started', source: '/1.0/instances/a?project=p' };
  expect(
    parseEvent(JSON.stringify({ type: 'lifecycle', project: 'p', timestamp: 't', metadata: lifecycle })),
  ).toEqual({ type: 'lifecycle', project: 'p', timestamp: 't', metadata: { ...lifecycle, context: {} } });
  for (const text of [
    '',
    'x',
    'null',
    '[]',
    '{"type":"other","metadata":{}}',
    '{"type":"lifecycle"}',
    '{"type":"lifecycle","metadata":{"action":7}}',
    '{"type":"operation","metadata":{}}',
    '{"type":"logging","metadata":null}',
  ]) {
    expect(parseEvent(text)).toBeUndefined();
  }
});

test('progress is read from what the daemon says', () => {
  expect(
    progressOf({
      metadata: {
        download_progress: 'rootfs: 45% (3.2MB/s)',
        create_instance_from_image_unpack_progress: 'Unpack: 100% (17MB/s)',
        copy_progress: 'a while',
        progress: { percent: '45' },
      },
    }),
  ).toEqual([
    { stage: 'download_progress', text: 'rootfs: 45% (3.2MB/s)', percent: 45 },
    { stage: 'create_instance_from_image_unpack_progress', text: 'Unpack: 100% (17MB/s)', percent: 100 },
    { stage: 'copy_progress', text: 'a while', percent: undefined },
  ]);
  expect(progressOf({ metadata: null })).toEqual([]);
});

test('exit codes and file attributes are read or refused', () => {
  expect(exitCodeOf({ return: 137 })).toBe(137);
  expect(() => exitCodeOf({})).toThrow(/no exit code/);
  expect(() => exitCodeOf(null)).toThrow(/no exit code/);
  expect(
    fileAttributes({ 'x-lxd-uid': '7', 'x-lxd-gid': '8', 'x-lxd-mode': '0640', 'x-lxd-type': 'file' }),
  ).toEqual({ uid: 7, gid: 8, mode: 0o640, type: 'file' });
  expect(() => fileAttributes({ 'x-lxd-type': 'door' })).toThrow(/no known file type/);
});

test('storage drivers are read in the form of LXD 5.0 and of later ones', () => {
  const server = (drivers: unknown) => ({
    environment: { server_version: '5.0.2', storage_supported_drivers: drivers },
  });
  const names = (drivers: unknown) =>
    parseServer(server(drivers)).environment.storage_supported_drivers.map(({ name }) => name);
  expect(names([{ Name: 'btrfs', Version: '6.2', Remote: false }])).toEqual(['btrfs']);
  expect(names([{ name: 'dir', version: '1', remote: false }])).toEqual(['dir']);
  expect(names(null)).toEqual([]);
  expect(() => parseServer({})).toThrow(/does not say what it is/);
});

test('a socket is looked for in the known places, and its absence names them', async () => {
  expect(KNOWN_SOCKETS).toContain('/var/lib/lxd/unix.socket');
  await expect(findSocket(['/no/such.socket', '/etc/passwd'])).rejects.toMatchObject({
    code: 'LXD_SOCKET_NOT_FOUND',
    message: 'No LXD socket was found; looked at /no/such.socket, /etc/passwd.',
  });
});

test('a failed connection is told in words', () => {
  const refused = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
  expect(unreachable('/s', refused).message).toBe(
    'The LXD daemon does not answer at /s: nobody listens there.',
  );
  expect(unreachable('/s', new Error('odd')).message).toContain('odd');
});
