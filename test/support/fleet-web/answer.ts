/** A request that the fixture got. */
export interface Asked {
  method: string;
  path: string;
  query: URLSearchParams;
  body: unknown;
}

/** An answer of the fixture. */
export interface Answer {
  status: number;
  body: unknown;
}

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

export function refused(status: number, code: string, message: string, hint: string): Answer {
  return { status, body: { code, message, hint } };
}
