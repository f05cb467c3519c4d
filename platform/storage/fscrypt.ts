import { BulkheadError, run } from '../kernel/index.ts';

/**
 * The kernel's file encryption (Documentation/filesystems/fscrypt.rst) through `xfs_io` of xfsprogs, whose commands
 * are these ioctls one to one and which takes the key on standard input. Keys belong to one mounted filesystem: the
 * kernel forgets them when it is unmounted.
 */

/** The kernel's name of a key: 32 hex digits that it derives from the key itself. */
export type KeyIdentifier = string;

export type KeyState = 'present' | 'absent' | 'incomplete';

/** Contents AES-256-XTS, names AES-256-CTS padded to 32 bytes: what every kernel with fscrypt has. */
const POLICY = 'set_encpolicy -v 2 -c 1 -n 4 -f 0x3';

/** Gives the filesystem a master key. The key goes through a pipe: never in arguments, environment or a file. */
export async function addKey(mount: string, master: Buffer): Promise<KeyIdentifier> {
  const text = await xfsIo(mount, 'add_enckey', master);
  return identifierIn(text, /with identifier ([0-9a-f]{32})$/m, mount, 'add a key to');
}

/** Takes a key from the filesystem; cached contents and names go with it. `incomplete` = files still open. */
export async function removeKey(mount: string, identifier: KeyIdentifier): Promise<KeyState> {
  if ((await keyState(mount, identifier)) === 'absent') return 'absent';
  await xfsIo(mount, `rm_enckey ${identifier}`);
  return keyState(mount, identifier);
}

export async function keyState(mount: string, identifier: KeyIdentifier): Promise<KeyState> {
  const text = await xfsIo(mount, `enckey_status ${identifier}`);
  if (/^Present/m.test(text)) return 'present';
  if (/^Absent/m.test(text)) return 'absent';
  if (/^Incompletely removed/m.test(text)) return 'incomplete';
  throw failed(mount, 'ask for a key of', text);
}

/** Encrypts an empty folder from now on with the key; verified by reading the policy back. */
export async function setPolicy(folder: string, identifier: KeyIdentifier): Promise<void> {
  const text = await xfsIo(folder, `${POLICY} ${identifier}`);
  if ((await policyKey(folder)) !== identifier) throw failed(folder, 'encrypt', text);
}

/** Which key a folder is encrypted with; undefined when it is not encrypted. Works without the key. */
export async function policyKey(folder: string): Promise<KeyIdentifier | undefined> {
  const { stdout, stderr } = await run('xfs_io', ['-r', '-c', 'get_encpolicy', folder], {
    allowFailure: true,
  });
  if (/failed to get encryption policy: No data available/.test(stdout + stderr)) return undefined;
  return identifierIn(
    stdout,
    /^\s*Master key identifier: ([0-9a-f]{32})$/m,
    folder,
    'read the encryption of',
    stderr,
  );
}

async function xfsIo(path: string, command: string, input?: Buffer): Promise<string> {
  // Privileged: adding a key and setting a policy on a folder of another owner need CAP_SYS_ADMIN / CAP_FOWNER.
  const { stdout, stderr } = await run('xfs_io', ['-r', '-c', command, path], {
    allowFailure: true,
    // An empty standard input would be read as a key of no bytes, which the kernel refuses.
    ...(input === undefined ? {} : { input }),
  });
  return `${stdout}\n${stderr}`;
}

function identifierIn(text: string, pattern: RegExp, path: string, what: string, stderr = ''): KeyIdentifier {
  const identifier = pattern.exec(text)?.[1];
  if (identifier === undefined) throw failed(path, what, `${text}\n${stderr}`);
  return identifier;
}

function failed(path: string, what: string, output: string): BulkheadError {
  return new BulkheadError({
    code: 'STORAGE_ENCRYPTION_FAILED',
    message: `The kernel did not ${what} ${path}: ${output.trim().slice(-300) || 'no answer'}`,
    hint: 'Check with `bulkhead doctor` that the kernel supports file encryption and that xfsprogs is installed.',
    fields: { path },
  });
}
