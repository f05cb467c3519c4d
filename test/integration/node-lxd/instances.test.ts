import { afterAll, beforeAll, expect, test } from 'vitest';
import { isLxdError, type LxdEvent, type Progress } from '@bulkhead/node-lxd';
import { waitFor } from '@bulkhead/platform/kernel';
import { throwAwayProject, type ThrowAwayProject } from '../../support/lxd-project.ts';

let at: ThrowAwayProject;
let fingerprint: string;

beforeAll(async () => {
  at = await throwAwayProject();
  fingerprint = await at.project.images.importFile(at.tarball);
  await at.make('one', fingerprint);
  await at.project.instances.setState('one', { action: 'start' });
});

afterAll(async () => {
  await at.dispose();
});

test('the daemon tells what it is', async () => {
  const server = await at.lxd.server();
  expect(server.api_version).toBe('1.0');
  expect(server.environment.server_version).toMatch(/^\d+\.\d+/);
  expect(server.environment.storage_supported_drivers.map((driver) => driver.name)).toContain('dir');
});

test('a container is listed with its configuration and its state, in its project only', async () => {
  const [instance] = await at.project.instances.listFull();
  expect(instance).toMatchObject({
    name: 'one',
    status: 'Running',
    profiles: [],
    config: { 'user.who': 'a test', 'volatile.base_image': fingerprint },
  });
  expect(instance?.state?.pid).toBeGreaterThan(1);
  expect(await at.project.instances.state('one')).toMatchObject({ status: 'Running' });
  expect((await at.lxd.instances.list()).filter(({ name }) => name === 'one')).toEqual([]);
  expect((await at.lxd.instances.listEverywhere()).filter((other) => other.project === at.name)).toHaveLength(
    1,
  );
});

test('patch changes one key, put with an old tag is refused', async () => {
  const { instance, etag } = await at.project.instances.getTagged('one');
  await at.project.instances.patch('one', { config: { 'user.colour': 'red' } });
  expect((await at.project.instances.get('one')).config).toMatchObject({
    'user.who': 'a test',
    'user.colour': 'red',
  });
  await expect(
    at.project.instances.put(
      'one',
      { config: instance.config, devices: instance.devices, profiles: [] },
      etag === undefined ? {} : { etag },
    ),
  ).rejects.toMatchObject({ code: 'LXD_CHANGED', status: 412 });
});

test('exec gives standard output, standard error and the exit code; input arrives whole', async () => {
  const failed = await at.project.instances.exec('one', { command: ['/sbin/init', 'exit7'] });
  expect(failed).toEqual({ exitCode: 7, stdout: '', stderr: 'to stderr\n', truncated: false });
  const text = 'a line of text\n'.repeat(20_000);
  const echoed = await at.project.instances.exec('one', { command: ['/sbin/init', 'cat'], stdin: text });
  expect(echoed.exitCode).toBe(0);
  expect(echoed.stdout).toBe(text);
});

test('exec keeps a bounded part of the output and says so', async () => {
  const result = await at.project.instances.exec('one', {
    command: ['/sbin/init', 'flood'],
    maxOutputBytes: 1000,
  });
  expect(result).toMatchObject({ exitCode: 0, truncated: true });
  expect(result.stdout).toBe('x'.repeat(1000));
});

test('exec that takes too long, or is aborted, is killed inside', async () => {
  const command = ['/sbin/init', 'sleep'];
  const before = (await at.project.instances.state('one')).processes;
  await expect(at.project.instances.exec('one', { command, timeoutMs: 300 })).rejects.toMatchObject({
    code: 'LXD_EXEC_TIMEOUT',
  });
  const stop = new AbortController();
  setTimeout(() => {
    stop.abort();
  }, 300);
  await expect(at.project.instances.exec('one', { command, signal: stop.signal })).rejects.toMatchObject({
    code: 'LXD_ABORTED',
  });
  await waitFor('the programs to be gone', 5_000, async () => {
    return (await at.project.instances.state('one')).processes <= before;
  });
});

test('exec of a program that is not there says so', async () => {
  const outcome = await at.project.instances.exec('one', { command: ['/no/such'] }).then(
    (result) => result.exitCode,
    (error: unknown) => (isLxdError(error) ? error.code : error),
  );
  expect([127, 'LXD_OPERATION_FAILED']).toContain(outcome);
});

test('exec with recorded output fetches and deletes what the daemon wrote', async () => {
  const result = await at.project.instances.execRecorded('one', { command: ['/sbin/init', 'exit7'] });
  expect(result).toEqual({ exitCode: 7, stdout: '', stderr: 'to stderr\n', truncated: false });
});

test('files are pushed with owner and mode, pulled, listed and deleted', async () => {
  await at.project.files.push('one', '/root/note', 'hello', { uid: 7, gid: 8, mode: 0o640 });
  expect(await at.project.files.pull('one', '/root/note')).toEqual({
    uid: 7,
    gid: 8,
    mode: 0o640,
    type: 'file',
    content: Buffer.from('hello'),
  });
  await at.project.files.push('one', '/root/dir', '', { type: 'directory' });
  expect((await at.project.files.list('one', '/root')).sort()).toEqual(['dir', 'note']);
  await expect(at.project.files.pull('one', '/root/note', { maxBytes: 3 })).rejects.toMatchObject({
    code: 'LXD_BAD_ANSWER',
  });
  await at.project.files.delete('one', '/root/note');
  await expect(at.project.files.pull('one', '/root/note')).rejects.toMatchObject({ code: 'LXD_NOT_FOUND' });
});

test('the console log holds what PID 1 wrote', async () => {
  const text = await waitFor('the console', 5_000, async () => {
    const log = await at.project.instances.consoleLog('one');
    return log.includes('tiny init is up') && log;
  });
  expect(text).toContain('tiny init is up');
});

test('lifecycle and operation events of a container arrive, and end when asked', async () => {
  const events: LxdEvent[] = [];
  const stop = new AbortController();
  const stream = await at.project.events({
    types: ['lifecycle', 'operation'],
    signal: stop.signal,
    onEvent: (event) => events.push(event),
  });
  await at.make('two', fingerprint);
  await at.project.instances.setState('two', { action: 'start' });
  await waitFor('PID 1 to listen to signals', 5_000, async () => {
    return (await at.project.instances.consoleLog('two')).includes('tiny init is up');
  });
  await at.project.instances.setState('two', { action: 'stop', timeout: 10 });
  await at.project.instances.delete('two');
  await waitFor('the last event', 5_000, () =>
    events.some((event) => event.type === 'lifecycle' && event.metadata.action === 'instance-deleted'),
  );
  const actions = events.flatMap((event) => (event.type === 'lifecycle' ? [event.metadata.action] : []));
  expect(actions).toEqual(
    expect.arrayContaining(['instance-created', 'instance-started', 'instance-shutdown', 'instance-deleted']),
  );
  expect(events.some((event) => event.type === 'operation')).toBe(true);
  expect(events.every((event) => event.project === at.name)).toBe(true);
  stop.abort();
  await stream.closed;
});

test('progress of an operation is told', async () => {
  const seen: Progress[] = [];
  await at.project.images.delete(await at.project.images.importFile(at.tarball).catch(() => fingerprint));
  expect(
    await at.project.images.importFile(at.tarball, { onProgress: (progress) => seen.push(progress) }),
  ).toBe(fingerprint);
  expect(seen.find((progress) => progress.percent === 100)?.stage).toBe('upload');
});

test('what does not exist is LXD_NOT_FOUND; what the project forbids is refused in the daemon’s words', async () => {
  await expect(at.project.instances.get('nobody')).rejects.toMatchObject({
    code: 'LXD_NOT_FOUND',
    status: 404,
  });
  await expect(
    at.project.instances.patch('one', { config: { 'security.privileged': 'true' } }),
  ).rejects.toThrow(/Privileged containers are forbidden/);
});

test('a name cannot climb out of its place in the API', async () => {
  await expect(at.project.instances.get('../../projects')).rejects.toMatchObject({ name: 'LxdError' });
});
