import type { Answer } from './answer.ts';

/** A whole answer. */
export interface Collected {
  status: number;
  body: Buffer;
  /** What the body says as JSON; undefined when it is none. */
  json: unknown;
}

/** Reads an answer to its end. @throws what reading the answer throws */
export async function collect(answer: Answer): Promise<Collected> {
  const parts: Buffer[] = [];
  for await (const part of answer) parts.push(part);
  const body = Buffer.concat(parts);
  return { status: answer.status, body, json: parsed(body) };
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
