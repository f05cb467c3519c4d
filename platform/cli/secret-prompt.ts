import { BulkheadError } from '../kernel/index.ts';

const MAX_BYTES = 1024;
const ENTER = [0x0a, 0x0d];
const BACKSPACE = [0x08, 0x7f];
const CTRL_C = 0x03;
const CTRL_D = 0x04;
const CTRL_U = 0x15;

/**
 * Asks for a secret: at a terminal without showing it, else it reads standard input to its end, without one line end.
 * The bytes never become a string; the caller wipes them.
 * @param what it is, for the message when there is none
 * @throws BulkheadError CLI_SECRET_MISSING when nothing is typed, or Ctrl-C is.
 */
export async function askSecret(prompt: string, what = 'passphrase'): Promise<Buffer> {
  const typed = process.stdin.isTTY ? await typedSecret(prompt) : await pipedSecret();
  if (typed.length > 0) return typed;
  throw new BulkheadError({
    code: 'CLI_SECRET_MISSING',
    message: `No ${what} was given.`,
    hint: 'Type it, or give it on standard input. It is not taken from arguments or the environment, where others could read it.',
  });
}

/** Asks twice at a terminal. @throws BulkheadError CLI_SECRET_DIFFERS, CLI_SECRET_MISSING */
export async function askNewSecret(prompt: string): Promise<Buffer> {
  const first = await askSecret(prompt);
  if (!process.stdin.isTTY) return first;
  const second = await askSecret('Again: ');
  const same = first.equals(second);
  second.fill(0);
  if (same) return first;
  first.fill(0);
  throw new BulkheadError({
    code: 'CLI_SECRET_DIFFERS',
    message: 'The two passphrases differ.',
    hint: 'Try again.',
  });
}

async function typedSecret(prompt: string): Promise<Buffer> {
  const { stdin, stderr } = process;
  const typed = Buffer.alloc(MAX_BYTES);
  let length = 0;
  stdin.setRawMode(true); // no echo; before the question, or what is typed at once would be shown
  stderr.write(prompt);
  stdin.resume();
  try {
    await new Promise<void>((resolve) => {
      const onData = (chunk: Buffer) => {
        for (const [index, byte] of chunk.entries()) {
          if (byte === CTRL_C || byte === CTRL_U) length = 0;
          if (byte === CTRL_C || byte === CTRL_D || ENTER.includes(byte)) {
            stdin.off('data', onData);
            stdin.pause();
            const rest = Buffer.from(chunk.subarray(index + 1)); // typed ahead: for the next question
            if (rest.length > 0) stdin.unshift(rest);
            resolve();
            break;
          }
          if (BACKSPACE.includes(byte)) length = beforeLast(typed, length);
          else if (byte !== CTRL_U && length < MAX_BYTES) typed[length++] = byte;
        }
        chunk.fill(0);
      };
      stdin.on('data', onData);
    });
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
  return cut(typed, length);
}

/** Without the last character, which in UTF-8 may be several bytes. */
function beforeLast(typed: Buffer, length: number): number {
  let end = Math.max(0, length - 1);
  while (end > 0 && ((typed[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return end;
}

async function pipedSecret(): Promise<Buffer> {
  const typed = Buffer.alloc(MAX_BYTES + 2);
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Buffer>) {
    length += chunk.copy(typed, length);
    chunk.fill(0);
    if (length === typed.length) break;
  }
  while (length > 0 && ENTER.includes(typed[length - 1] ?? 0)) length -= 1;
  return cut(typed, length);
}

function cut(typed: Buffer, length: number): Buffer {
  const secret = Buffer.from(typed.subarray(0, length));
  typed.fill(0);
  return secret;
}
