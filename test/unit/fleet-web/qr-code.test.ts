import { expect, test } from 'vitest';
import { qrImage } from '../../../fleet-ui/web/src/pages/people/qr-path.ts';

const URI = 'otpauth://totp/Bulkhead:anna?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Bulkhead';

/** What the path paints, module by module. */
function painted({ size, path }: { size: number; path: string }): boolean[][] {
  const rows = Array.from({ length: size }, () => Array.from({ length: size }, () => false));
  const runs = [...path.matchAll(/M(\d+) (\d+)h(\d+)v1h-(\d+)z/g)];
  expect(runs.map(([text]) => text).join('')).toBe(path);
  for (const [, x, y, width, back] of runs) {
    expect(back).toBe(width);
    rows[Number(y)]?.fill(true, Number(x), Number(x) + Number(width));
  }
  return rows;
}

test('a QR code has its quiet zone, three finder patterns and the timing between them', () => {
  const image = qrImage(URI);
  const rows = painted(image);
  const { size } = image;
  const dark = (x: number, y: number) => rows[y]?.[x] ?? false;
  const outside = rows.flatMap((row, y) =>
    row.filter((is, x) => is && (Math.min(x, y) < 4 || Math.max(x, y) >= size - 4)),
  );
  expect(outside).toEqual([]);
  const finder = ['1111111', '1000001', '1011101', '1011101', '1011101', '1000001', '1111111'];
  for (const [left, top] of [
    [4, 4],
    [size - 11, 4],
    [4, size - 11],
  ] as const) {
    const seen = finder.map((line, y) =>
      [...line].map((_, x) => (dark(left + x, top + y) ? '1' : '0')).join(''),
    );
    expect(seen).toEqual(finder);
  }
  // Column and row 6 alternate between the finders: ISO/IEC 18004, 6.3.5.
  const timing = Array.from({ length: size - 8 - 16 }, (_, index) => dark(12 + index, 10));
  expect(timing).toEqual(timing.map((_, index) => index % 2 === 0));
});

test('another key is another code', () => {
  expect(qrImage(URI).path).not.toBe(qrImage(URI.replace('JBSW', 'KBSW')).path);
});
