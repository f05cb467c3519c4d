import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Fastify from 'fastify';
import { BulkheadError, describeError, hasCode, sitePaths, type Logger, type Site } from '../kernel/index.ts';
import { defaultKeyFile, isMedium, readMediumKey, type KeyRing } from '../storage/index.ts';
import { answerErrors, listenOn } from './api.ts';
import { takeSecrets, withSecret } from './key-secret.ts';

/** Where the sensor key may be opened with, as the command line says. */
export interface KeySources {
  /** A path, or a file on a medium; undefined = the default place. */
  keyFile: string | undefined;
  /** A file (of systemd's credentials, a descriptor) with a passphrase. */
  passphraseFile: string | undefined;
}

/** How often a key file or medium that is not there is looked for. */
const LOOK_EVERY_MS = 1_500;
const MAX_PASSPHRASE_BYTES = 1024;

/** How waiting for the key ended. */
export type Unlocking = 'unlocked' | 'leave' | 'take-down';

/**
 * Opens the sensor key with what the command line gives; undefined reason = it is open. A key file on another medium, or a
 * sensor with other ways to its key, may wait; else a key that is missing or wrong is thrown.
 */
export async function tryUnlock(ring: KeyRing, site: Site, sources: KeySources): Promise<string | undefined> {
  if (sources.passphraseFile !== undefined) {
    try {
      const typed = await readPassphrase(sources.passphraseFile);
      await withSecret(typed, (secret) => ring.unlockWithPassphrase(secret));
      return undefined;
    } catch (error) {
      if (!canWait(ring, sources)) throw error;
      return describeError(error);
    }
  }
  try {
    await unlockWithFile(ring, site, sources.keyFile);
    return undefined;
  } catch (error) {
    if (!canWait(ring, sources)) throw error;
    return describeError(error);
  }
}

/**
 * Waits, locked, until a passphrase comes over the local API or the key file appears. Nothing of the sensor is started
 * meanwhile; what an earlier sensord left running runs on.
 */
export async function waitForKey(
  ring: KeyRing,
  parts: { site: Site; sources: KeySources; log: Logger; reason: string },
): Promise<Unlocking> {
  const { site, sources, log } = parts;
  const ending = new AbortController();
  let how: Unlocking = 'unlocked';
  let { reason } = parts;
  const end = (next: Unlocking) => {
    how = next;
    ending.abort();
  };
  const leave = () => {
    end('leave');
  };
  const nothing = () => undefined;
  const app = lockedApi(ring, log, () => reason, end);
  await listenOn(app, sitePaths(site).sensordSocket);
  process.once('SIGTERM', leave);
  process.once('SIGINT', leave);
  process.on('SIGHUP', nothing); // "read the configuration again": there is nothing to read yet
  log.warn({ reason }, 'the sensor is locked and waits for its key');
  try {
    for (;;) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: ending.signal }).catch(() => undefined);
      if (ring.unlocked || ending.signal.aborted) break;
      // A passphrase that was wrong stays wrong; a file may come.
      if (sources.passphraseFile !== undefined && sources.keyFile === undefined) continue;
      const before = reason;
      await unlockWithFile(ring, site, sources.keyFile).catch((error: unknown) => {
        reason = describeError(error);
      });
      if (reason !== before) log.warn({ reason }, 'the sensor is still locked');
    }
  } finally {
    process.off('SIGTERM', leave);
    process.off('SIGINT', leave);
    process.off('SIGHUP', nothing);
    await app.close();
  }
  if (ring.unlocked) log.info('the sensor is unlocked');
  return ring.unlocked ? 'unlocked' : how;
}

function lockedApi(ring: KeyRing, log: Logger, reason: () => string, end: (how: Unlocking) => void) {
  const app = Fastify({ bodyLimit: 1 << 16, forceCloseConnections: true });
  answerErrors(app, log);
  takeSecrets(app);
  app.get('/v1/keys', () => ({ ...ring.state, reason: reason() }));
  app.post('/v1/keys/unlock', async (request, reply) => {
    await withSecret(request.body, (secret) => ring.unlockWithPassphrase(secret));
    reply.raw.once('close', () => {
      end('unlocked');
    });
    return { unlocked: true };
  });
  app.post('/v1/shutdown', (_request, reply) => {
    reply.raw.once('close', () => {
      end('take-down');
    });
    return { stopped: true };
  });
  app.setNotFoundHandler(() => {
    throw new BulkheadError({
      code: 'STORAGE_LOCKED',
      message: `The sensor is locked: ${reason()}`,
      hint: 'Unlock it with `bulkhead keys unlock`, or bring the key file that it waits for.',
    });
  });
  return app;
}

async function unlockWithFile(ring: KeyRing, site: Site, keyFile: string | undefined): Promise<void> {
  const path = keyFile ?? defaultKeyFile(site);
  if (!isMedium(path)) return mustNotMake(ring, path, keyFile !== undefined);
  await readMediumKey(path, join(site.runDir, 'key-medium'), (file) => mustNotMake(ring, file, true, path));
}

/** A key is made by itself only in the sensor's own folder: below a mount point without its stick it would land on the disk. */
async function mustNotMake(ring: KeyRing, path: string, external: boolean, shown = path): Promise<void> {
  if (external && (await ring.isNew()) && !(await exists(path))) {
    throw new BulkheadError({
      code: 'STORAGE_KEY_MISSING',
      message: `The key file ${shown} is not there, and no key was ever made.`,
      hint: 'Bring the medium, or make the file: 32 bytes of /dev/urandom, owner root, mode 0600.',
      fields: { path: shown },
    });
  }
  await ring.unlockWithFile(path, shown);
}

function canWait(ring: KeyRing, { keyFile }: KeySources): boolean {
  return keyFile !== undefined || ring.state.slots.some(({ kind }) => kind !== 'key-file');
}

/** A passphrase out of a file that only its owner reads, or out of a descriptor; one line end at its end is not part of it. */
async function readPassphrase(path: string): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY);
  try {
    const facts = await file.stat();
    if (facts.isFile() && (facts.mode & 0o077) !== 0) {
      throw new BulkheadError({
        code: 'STORAGE_KEY_UNSAFE',
        message: `The passphrase file ${path} can be read by others than its owner.`,
        hint: 'Give it mode 0400, or use LoadCredential= of systemd.',
        fields: { path },
      });
    }
    const buffer = Buffer.alloc(MAX_PASSPHRASE_BYTES + 2);
    let length = 0;
    for (;;) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      length += bytesRead;
      if (bytesRead === 0 || length === buffer.length) break;
    }
    while (length > 0 && (buffer[length - 1] === 0x0a || buffer[length - 1] === 0x0d)) length -= 1;
    return buffer.subarray(0, length);
  } finally {
    await file.close();
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await (await open(path, constants.O_RDONLY | constants.O_NONBLOCK)).close();
    return true;
  } catch (error) {
    return !hasCode(error, 'ENOENT');
  }
}
