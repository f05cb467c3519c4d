import { expect, test } from 'vitest';
import { parseMountinfo } from '../../../platform/storage/mounts.ts';

test('mountinfo lines give device, root and unescaped target; odd lines are skipped', () => {
  const text = [
    '71 27 7:0 / /var/lib/with\\040space rw,nosuid shared:1 - ext4 /dev/loop0 rw',
    '72 27 7:0 /instrument /mnt rw,nosuid - ext4 /dev/loop0 rw',
    '',
    'garbage',
  ].join('\n');
  expect(parseMountinfo(text)).toEqual([
    { device: '7:0', root: '/', target: '/var/lib/with space' },
    { device: '7:0', root: '/instrument', target: '/mnt' },
  ]);
});
