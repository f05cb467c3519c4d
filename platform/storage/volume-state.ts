import { statfs } from 'node:fs/promises';
import { mountAt } from './mounts.ts';
import { readSuperblock } from './superblock.ts';
import { imageSizeMib, isFile, MIB } from './volume-image.ts';

export interface VolumeState {
  name: string;
  /** `absent`: there is a key and no image. `unlocked`: mounted, its keys in the kernel. */
  state: 'absent' | 'locked' | 'unlocked';
  /** 0 when there is no image, or no filesystem in it. */
  sizeMib: number;
  /** With what the filesystem itself takes. Of a locked volume as of its last unmount. */
  usedMib: number;
}

/** Looks at one volume: a mount table, a few kilobytes, no program. */
export async function volumeState(name: string, image: string, mount: string): Promise<VolumeState> {
  if ((await mountAt(mount)) !== undefined) {
    const facts = await statfs(mount);
    const sizeMib = (await imageSizeMib(image)) ?? 0;
    // Not `blocks - bfree`: that leaves out what the filesystem itself takes, and so would never reach the size.
    const freeMib = Math.floor((facts.bfree * facts.bsize) / MIB);
    return { name, state: 'unlocked', sizeMib, usedMib: Math.max(0, sizeMib - freeMib) };
  }
  const facts = await readSuperblock(image);
  if (facts === undefined) {
    return { name, state: (await isFile(image)) ? 'locked' : 'absent', sizeMib: 0, usedMib: 0 };
  }
  const usedBytes = (facts.blocks - facts.freeBlocks) * facts.blockSizeBytes;
  return {
    name,
    state: 'locked',
    sizeMib: (await imageSizeMib(image)) ?? 0,
    usedMib: Math.ceil(usedBytes / MIB),
  };
}
