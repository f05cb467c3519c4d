import { mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { BulkheadError } from '../../kernel/index.ts';

/** A fleet that this user is logged in to, kept in a file that only the user can read. */
export interface FleetLogin {
  /** Where it is: `https://host:port`, or `http://` on this machine. */
  url: string;
  /** Certificate of the authority that is believed (PEM); absent: the machine's own trust. */
  ca?: string | undefined;
  /** An API token. Secret. */
  token: string;
  /** Whom the token acts for. */
  name: string;
}

const MAX_BYTES = 64 << 10;
const FileSchema = z.strictObject({
  version: z.literal(1),
  url: z.string().max(300),
  ca: z.string().max(32_768).optional(),
  token: z.string().max(512),
  name: z.string().max(80),
});

/** `~/.config/bulkhead/fleet.json`, or below `XDG_CONFIG_HOME`. */
export function loginFile(): string {
  const base = process.env['XDG_CONFIG_HOME'];
  return join(
    base !== undefined && base !== '' ? base : join(homedir(), '.config'),
    'bulkhead',
    'fleet.json',
  );
}

/** @throws BulkheadError CLI_FLEET_LOGIN_NEEDED, CLI_FLEET_LOGIN_UNSAFE */
export async function readLogin(): Promise<FleetLogin> {
  const path = loginFile();
  let text: string;
  try {
    const file = await open(path, 'r');
    try {
      const { mode, size } = await file.stat();
      if ((mode & 0o077) !== 0) throw unsafe(path);
      text = size > MAX_BYTES ? '' : await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (cause instanceof BulkheadError) throw cause;
    throw needed(path, cause);
  }
  const parsed = FileSchema.safeParse(jsonOf(text));
  if (!parsed.success) throw needed(path, parsed.error);
  return parsed.data;
}

/** Replaces what was there; at no moment can another user read it. */
export async function writeLogin(login: FleetLogin): Promise<string> {
  const path = loginFile();
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${String(process.pid)}.partial`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ version: 1, ...login })}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return path;
}

/** @returns whether there was one */
export async function removeLogin(): Promise<boolean> {
  const path = loginFile();
  const was = await stat(path).then(
    () => true,
    () => false,
  );
  await rm(path, { force: true });
  return was;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function needed(path: string, cause: unknown): BulkheadError {
  return new BulkheadError({
    code: 'CLI_FLEET_LOGIN_NEEDED',
    message: `You are not logged in to a fleet: there is nothing usable in ${path}.`,
    hint: 'Make a token in the fleet (page "API tokens"), then: bulkhead fleet login https://FLEET:8443',
    fields: { path },
    cause,
  });
}

function unsafe(path: string): BulkheadError {
  return new BulkheadError({
    code: 'CLI_FLEET_LOGIN_UNSAFE',
    message: `Others on this machine can read ${path}, which holds a token. It is not used.`,
    hint: 'Revoke the token in the fleet, make another, and log in again.',
    fields: { path },
  });
}
