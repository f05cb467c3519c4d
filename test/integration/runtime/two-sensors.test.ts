import { expect, test } from 'vitest';
import { throwAwayRuntime } from '../../support/lxd.ts';

test('two sensors on one machine give instruments of the same name different ids', async () => {
  const one = await throwAwayRuntime('b31');
  try {
    const other = await throwAwayRuntime('b32');
    try {
      const mine = await one.launch('suricata', { start: false });
      const theirs = await other.launch('suricata', { start: false });
      expect(mine.name).toBe(theirs.name);
      expect(Math.abs(mine.idmapBase - theirs.idmapBase)).toBeGreaterThanOrEqual(65_536);
    } finally {
      await other.dispose();
    }
  } finally {
    await one.dispose();
  }
});
