import { generateSecret, generateURI, verify } from 'otplib';

const PERIOD_S = 30;
/** One step back: the telephone is slow, or the person. RFC 6238, section 5.2. */
const TOLERANCE_S = 30;

/** A new secret of 160 bits, base32. */
export function newTotpSecret(): string {
  return generateSecret();
}

/** What a QR code for authenticator apps says. */
export function totpUri(secret: string, name: string): string {
  return generateURI({ issuer: 'Bulkhead', label: name, secret });
}

/**
 * RFC 6238 with six digits, SHA-1 and 30 seconds, as all authenticator apps have it.
 * @param afterStep the step of the last code that was taken: that one and older ones are refused (replay)
 * @returns the step of the code, to be kept; undefined when it is wrong
 */
export async function checkTotp(
  secret: string,
  code: string,
  nowMs: number,
  afterStep: number,
): Promise<number | undefined> {
  const token = code.replaceAll(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return undefined;
  const epoch = Math.floor(nowMs / 1000);
  // The library throws when no code could be new enough: the clock went back.
  if (afterStep > Math.floor((epoch + TOLERANCE_S) / PERIOD_S)) return undefined;
  const result = await verify({
    secret,
    token,
    epoch,
    period: PERIOD_S,
    epochTolerance: [TOLERANCE_S, TOLERANCE_S],
    ...(afterStep > 0 ? { afterTimeStep: afterStep } : {}),
  });
  return result.valid && 'timeStep' in result ? result.timeStep : undefined;
}
