/** One thing that PROTOCOL.md asks of an instrument. */
export interface Conformance {
  /** Stable, e.g. `health`. */
  code: string;
  title: string;
  result: 'pass' | 'fail' | 'not applicable';
  /** What was seen. */
  text: string;
  /** What to do about a failure. */
  hint?: string;
}

/** Thrown by a check that does not apply to this instrument. */
export class NotApplicable extends Error {}

/** Runs one check; whatever it throws becomes its result. */
export async function judge(
  check: { code: string; title: string; hint: string },
  work: () => Promise<string>,
): Promise<Conformance> {
  const { code, title, hint } = check;
  try {
    return { code, title, result: 'pass', text: await work() };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (error instanceof NotApplicable) return { code, title, result: 'not applicable', text };
    return { code, title, result: 'fail', text, hint };
  }
}
