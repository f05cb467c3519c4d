const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';

/** Id of the nth sensor of a test. */
export function testSensorId(n = 0): string {
  let rest = n;
  let text = '';
  for (let place = 0; place < 16; place += 1) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return `s_${text}`;
}
