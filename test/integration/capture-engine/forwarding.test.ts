import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { waitFor } from '@bulkhead/platform/kernel';
import { engineNamespace, type EngineNamespace } from './namespace.ts';

const FORWARDER = fileURLToPath(
  new URL('../../../instruments/capture-engine/src/forwarder.ts', import.meta.url),
);

/** Installs, says so, then repairs whenever it gets a line of time: what the app does, without the bus. */
const PROGRAM = `
  import { Forwarder } from ${JSON.stringify(FORWARDER)};
  const forwarder = new Forwarder(JSON.parse(process.env.PAIRS ?? '[{"input":"in0","output":"out0"}]'));
  await forwarder.install();
  console.log(JSON.stringify({ installed: true, counters: forwarder.counters }));
  setInterval(async () => {
    const faults = await forwarder.repair();
    console.log(JSON.stringify({ faults, counters: forwarder.counters }));
  }, 200);
`;

let namespace: EngineNamespace;
let folder: string | undefined;

afterEach(async () => {
  await namespace.remove();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

interface Report {
  installed?: boolean;
  faults?: string[];
  counters: Record<string, number>;
}

/** Starts the program and follows what it says. */
async function start(): Promise<{
  last: () => Report | undefined;
  reports: Report[];
  kill: () => Promise<void>;
}> {
  const child = await namespace.start(PROGRAM);
  const reports: Report[] = [];
  if (child.stdout === null) throw new Error('no output');
  createInterface({ input: child.stdout }).on('line', (line) => reports.push(JSON.parse(line) as Report));
  await waitFor('the forwarding to stand', 15_000, () => reports.some((report) => report.installed === true));
  return {
    reports,
    last: () => reports.at(-1),
    kill: async () => {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** A capture file with `count` UDP frames; lengths from 15 bytes (an Ethernet header and one byte) on. */
async function frames(count: number): Promise<string> {
  folder = await mkdtemp(join(tmpdir(), 'b71-'));
  const parts = [Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex')];
  for (let index = 0; index < count; index += 1) {
    const frame = Buffer.alloc(15 + (index % 1400));
    frame.write('020000000001020000000002', 'hex');
    // A VLAN tag that is cut off is discarded by every Linux network device, before any rule.
    const third = frame.length < 20 ? 0x88cc : 0x8100;
    frame.writeUInt16BE(index % 3 === 0 ? 0x86dd : index % 3 === 1 ? 0x0800 : third, 12);
    const head = Buffer.alloc(16);
    head.writeUInt32LE(1, 0);
    head.writeUInt32LE(frame.length, 8);
    head.writeUInt32LE(frame.length, 12);
    parts.push(head, frame);
  }
  const file = join(folder, 'frames.pcap');
  await writeFile(file, Buffer.concat(parts));
  return file;
}

async function packets(inside: boolean, link: string, what: 'rx' | 'tx'): Promise<number> {
  const args = ['cat', '/proc/net/dev'];
  const text = inside ? await namespace.exec(args) : await namespace.execOutside(args);
  const line = text.split('\n').find((entry) => entry.trim().startsWith(`${link}:`)) ?? '';
  return Number(line.split(':')[1]?.trim().split(/\s+/)[what === 'rx' ? 1 : 9]);
}

test('every frame that arrives leaves on the other side, also the shortest and the strangest', async () => {
  namespace = await engineNamespace('b71a');
  const engine = await start();
  await namespace.execOutside(['tcpreplay', '-q', '--topspeed', '-i', 'hin0', await frames(3000)]);
  await waitFor('3000 frames', 5_000, async () => (await packets(false, 'hout0', 'rx')) >= 3000);
  expect(await packets(false, 'hout0', 'rx')).toBe(3000);
  await waitFor('the counters', 5_000, () => engine.last()?.counters['in0.forwarded'] === 3000);
  expect(engine.last()?.counters).toMatchObject({
    'in0.rx_packets': 3000,
    'out0.tx_packets': 3000,
    'out0.tx_dropped': 0,
  });
});

test('nothing leaves towards the protected network and nothing comes in from the instruments', async () => {
  namespace = await engineNamespace('b71b');
  const engine = await start();
  const file = await frames(50);
  // The kernel tells the sender that its frames are not taken, and tcpreplay tries for ever.
  await namespace.exec(['timeout', '2', 'tcpreplay', '-q', '--topspeed', '-i', 'in0', file], {
    allowFailure: true,
  });
  await namespace.execOutside(['tcpreplay', '-q', '--topspeed', '-i', 'hout0', file]);
  await waitFor('both drops to be counted', 5_000, () => {
    const counters = engine.last()?.counters ?? {};
    return (counters['in0.egress_dropped'] ?? 0) >= 50 && (counters['out0.ingress_dropped'] ?? 0) >= 50;
  });
  expect(await packets(false, 'hin0', 'rx')).toBe(0);
  expect(await packets(true, 'in0', 'tx')).toBe(0);
});

test('frames are forwarded when the program is dead', async () => {
  namespace = await engineNamespace('b71c');
  const engine = await start();
  await engine.kill();
  await namespace.execOutside(['tcpreplay', '-q', '--topspeed', '-i', 'hin0', await frames(500)]);
  await waitFor('500 frames', 5_000, async () => (await packets(false, 'hout0', 'rx')) === 500);
});

test.each([
  ['the table is gone', ['nft', 'delete', 'table', 'netdev', 'forward'], 'No such file'],
  ['everything is flushed', ['nft', 'flush', 'ruleset'], 'No such file'],
  ['one chain was emptied', ['nft', 'flush', 'chain', 'netdev', 'forward', 'in0_in'], 'in0_in was changed'],
  ['a link was lowered', ['ip', 'link', 'set', 'in0', 'down'], 'in0 is down'],
  [
    'a rule was put before ours',
    ['nft', 'insert', 'rule', 'netdev', 'forward', 'in0_out', 'accept'],
    'in0_out was changed',
  ],
])('repairs: %s', async (_what, command, fault) => {
  namespace = await engineNamespace('b71d');
  const engine = await start();
  await namespace.exec(command);
  await waitFor('the repair', 5_000, () => engine.last()?.counters['forward.repairs'] === 1);
  expect(engine.reports.flatMap((report) => report.faults ?? []).join('; ')).toContain(fault);
  await waitFor('peace', 5_000, () => engine.last()?.faults?.length === 0);
  await namespace.execOutside(['tcpreplay', '-q', '--topspeed', '-i', 'hin0', await frames(100)]);
  await waitFor('100 frames', 5_000, async () => (await packets(false, 'hout0', 'rx')) === 100);
});

test('two pairs are kept apart', async () => {
  namespace = await engineNamespace('b71e', 2);
  const pairs = JSON.stringify([
    { input: 'in0', output: 'out0' },
    { input: 'in1', output: 'out1' },
  ]);
  const child = await namespace.start(
    PROGRAM.replace('process.env.PAIRS ?? \'[{"input":"in0","output":"out0"}]\'', `'${pairs}'`),
  );
  const lines: string[] = [];
  if (child.stdout === null) throw new Error('no output');
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  await waitFor('the forwarding to stand', 15_000, () => lines.length > 0);
  await namespace.execOutside(['tcpreplay', '-q', '--topspeed', '-i', 'hin1', await frames(70)]);
  await waitFor('70 frames', 5_000, async () => (await packets(false, 'hout1', 'rx')) === 70);
  expect(await packets(false, 'hout0', 'rx')).toBe(0);
});
