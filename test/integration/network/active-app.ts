import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleProgram } from '../../support/bundle-program.ts';

/** An instrument that asks for the addresses of names again and again, and says what it was told. */
const PROGRAM = `
import { openInstrument } from '../instruments/sdk/src/index.ts';
const instrument = await openInstrument();
instrument.health(() => ({ state: 'ok' }));
const names = instrument.file.options.names ?? [];
while (!instrument.stopping.aborted) {
  for (const name of names) {
    const told = await instrument.ask('resolve', { name }, { timeoutMs: 10_000 })
      .then(({ addresses }) => addresses.map(({ address }) => address).join(' '), ({ code, fields }) => fields?.reason ?? code);
    await instrument.publish('name.resolved', { name, told }).catch(() => undefined);
  }
  await new Promise((resolve) => setTimeout(resolve, 500));
}
await instrument.close();
`;

const MANIFEST = `apiVersion: bulkhead/1
name: asker
version: 0.1.0
title: Asker
description: Asks for addresses and reaches out.
image: base
command: [/usr/bin/node, /opt/instrument/main.mjs]
asks:
  publish: [name.resolved]
  interfaces:
    - { name: net0, kind: active }
  egress:
    - { to: any, protocol: tcp, ports: [80, 443] }
volume:
  sizeMib: 64
limits:
  memoryMib: 256
  cpuCores: 1
  processes: 32
  openFiles: 256
`;

/** Puts the app into a folder of apps. */
export async function writeAsker(apps: string): Promise<void> {
  const dir = join(apps, 'asker');
  await mkdir(dir, { recursive: true });
  await writeFile(join(dir, 'instrument.yaml'), MANIFEST);
  await bundleProgram(PROGRAM, join(dir, 'main.mjs'));
}
