import { expect, test } from 'vitest';
import { DETECTION_CHECK } from '@bulkhead/platform/contracts';
import { buildCheckFrame, checksum } from '../../../platform/health/check-frame.ts';

const NONCE = '0123456789abcdef0123456789abcdef';

test('the frame is the packet that the reserved signature waits for', () => {
  const frame = buildCheckFrame(NONCE);
  expect(frame.length).toBe(14 + 20 + 8 + DETECTION_CHECK.marker.length + 32);
  expect(frame.readUInt16BE(12)).toBe(0x0800);
  for (const at of [0, 6]) {
    expect(frame.readUInt8(at) & 0b11, 'locally administered, not a group').toBe(0b10);
  }
  const ip = frame.subarray(14, 34);
  expect(ip.readUInt8(0)).toBe(0x45);
  expect(ip.readUInt16BE(2)).toBe(frame.length - 14);
  expect(ip.readUInt8(9)).toBe(17);
  expect([...ip.subarray(12, 16)].join('.')).toBe(DETECTION_CHECK.source);
  expect([...ip.subarray(16, 20)].join('.')).toBe(DETECTION_CHECK.destination);
  const udp = frame.subarray(34);
  expect(udp.readUInt16BE(0)).toBe(DETECTION_CHECK.sourcePort);
  expect(udp.readUInt16BE(2)).toBe(DETECTION_CHECK.destinationPort);
  expect(udp.readUInt16BE(4)).toBe(udp.length);
  expect(udp.subarray(8).toString()).toBe(DETECTION_CHECK.marker + NONCE);
});

test('its checksums are right: summed with them, a header gives zero', () => {
  for (let round = 0; round < 300; round += 1) {
    const frame = buildCheckFrame((round * 7919).toString(16).padStart(32, '0'));
    expect(checksum(frame.subarray(14, 34))).toBe(0);
    const udp = frame.subarray(34);
    const pseudo = Buffer.concat([
      frame.subarray(26, 34),
      Buffer.from([0, 17, udp.length >> 8, udp.length & 0xff]),
    ]);
    expect(checksum(Buffer.concat([pseudo, udp]))).toBe(0);
    expect(udp.readUInt16BE(6)).not.toBe(0);
  }
});

test('the checksum is that of RFC 1071, section 3, also for an odd length', () => {
  expect(checksum(Buffer.from('0001f203f4f5f6f7', 'hex'))).toBe(~0xddf2 & 0xffff);
  expect(checksum(Buffer.from('ff', 'hex'))).toBe(0x00ff);
});

test.each(['', 'x'.repeat(32), NONCE.toUpperCase(), NONCE + '0'])('the nonce %j is refused', (nonce) => {
  expect(() => buildCheckFrame(nonce)).toThrow(expect.objectContaining({ code: 'HEALTH_NONCE_INVALID' }));
});
