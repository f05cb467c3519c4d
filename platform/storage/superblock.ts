import { open } from 'node:fs/promises';
import { hasCode } from '../kernel/index.ts';

/** What the first superblock of an ext4 image says. Counts are as of the last time it was written. */
export interface Superblock {
  uuid: string;
  blockSizeBytes: number;
  blocks: number;
  freeBlocks: number;
}

/**
 * Reads the superblock at byte 1024 (linux/fs/ext4/ext4.h, `struct ext4_super_block`, little endian). Needs no
 * program and no mount, so it is cheap. Undefined when there is no file or no ext4 in it.
 */
export async function readSuperblock(image: string): Promise<Superblock | undefined> {
  const buffer = Buffer.alloc(1024);
  try {
    const file = await open(image, 'r');
    try {
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 1024);
      if (bytesRead < buffer.length) return undefined;
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  if (buffer.readUInt16LE(0x38) !== 0xef53) return undefined;
  const hex = buffer.subarray(0x68, 0x78).toString('hex');
  return {
    uuid: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    blockSizeBytes: 1024 << Math.min(buffer.readUInt32LE(0x18), 6),
    blocks: buffer.readUInt32LE(0x4) + buffer.readUInt32LE(0x150) * 2 ** 32,
    freeBlocks: buffer.readUInt32LE(0xc) + buffer.readUInt32LE(0x158) * 2 ** 32,
  };
}
