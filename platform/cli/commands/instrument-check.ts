import { resolve } from 'node:path';
import { openLog } from '../../kernel/index.ts';
import { asksInWords, loadPackage } from '../../packages/index.ts';
import {
  checkLive,
  judge,
  NotApplicable,
  openCheckWorld,
  type CheckWorld,
  type Conformance,
} from '../../sensord/index.ts';
import type { SensorClient } from '../client.ts';
import { topic, type CommandGroup, type GlobalOptions } from '../command-group.ts';
import { buildApp } from '../dev/build-app.ts';
import { EXIT } from '../exit-codes.ts';

/** Whether an instrument keeps the contract; needs no running sensor. */
export const instrumentCheckCommands: CommandGroup = ({ program, action }) => {
  topic(program, 'instrument', 'instruments')
    .command('check')
    .argument(
      '<folder>',
      'an instrument: instrument.yaml with src/main.ts, or with files that run as they are',
    )
    .option('--static', 'look at its files only; start nothing')
    .description(
      'run an instrument in a container and on a bus of its own, and say whether it keeps PROTOCOL.md (as root)',
    )
    .action(action(checkInstrument));
};

async function checkInstrument(
  _client: SensorClient,
  options: GlobalOptions,
  folder: string,
  own: { static?: boolean },
): Promise<number> {
  const results: Conformance[] = [];
  const tell = (result: Conformance) => {
    results.push(result);
    if (options.json !== true) process.stdout.write(line(result));
  };
  const app = await buildApp(resolve(folder));
  let asks: string[] = [];
  let inPath: string[] = [];
  try {
    tell(
      await judge(
        {
          code: 'package',
          title: 'is a package: manifest, plain files, sizes',
          hint: 'Correct the named place; nothing of it is run before.',
        },
        async () => {
          const { manifest, digest } = await loadPackage(app.dir);
          asks = asksInWords(manifest);
          inPath = manifest.asks.interfaces.filter(({ kind }) => kind !== 'mirror').map(({ name }) => name);
          return `${manifest.name} ${manifest.version}, ${digest.slice(0, 12)}`;
        },
      ),
    );
    if (results[0]?.result === 'pass') {
      if (options.json !== true) process.stdout.write(asksText(asks));
      if (own.static !== true) await live(app.dir, inPath, tell);
    }
  } finally {
    await app.remove();
  }
  const failed = results.filter(({ result }) => result === 'fail').length;
  const notApplicable = results.filter(({ result }) => result === 'not applicable').length;
  if (options.json === true)
    process.stdout.write(`${JSON.stringify({ passed: failed === 0, asks, checks: results })}\n`);
  else {
    const good = results.length - failed - notApplicable;
    process.stdout.write(
      `\n${String(good)} kept, ${String(failed)} broken, ${String(notApplicable)} not applicable\n`,
    );
  }
  return failed === 0 ? EXIT.ok : EXIT.failed;
}

/** @param inPath interfaces in the path of monitored traffic, which nothing but a sensor can wire */
async function live(
  dir: string,
  inPath: readonly string[],
  tell: (result: Conformance) => void,
): Promise<void> {
  const log = openLog('check', 'fatal');
  let world: CheckWorld | undefined;
  const start = await judge(
    {
      code: 'start',
      title: 'starts in a container',
      hint: 'Is its image built (scripts/build images NAME), and are you root?',
    },
    async () => {
      if (inPath.length > 0) {
        throw new NotApplicable(`it works only between ${inPath.join(' and ')}, which a sensor has to wire`);
      }
      world = await openCheckWorld(dir, log);
      return world.manifest.image;
    },
  );
  tell(start);
  if (world === undefined) return;
  try {
    await checkLive(world, tell);
  } finally {
    await world.dispose();
  }
}

const MARKS = { pass: 'kept', fail: 'BROKEN', 'not applicable': 'n/a' } as const;

function line({ title, result, text, hint }: Conformance): string {
  const todo = hint === undefined ? '' : `\n            -> ${hint}`;
  return `${MARKS[result].padEnd(10)}${title}: ${text}${todo}\n`;
}

function asksText(asks: readonly string[]): string {
  const lines = asks.length === 0 ? ['for nothing'] : asks;
  return `\nIt asks\n${lines.map((ask) => `  - ${ask}\n`).join('')}\n`;
}
