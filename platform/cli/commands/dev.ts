import { topic, type CommandGroup } from '../command-group.ts';
import { runInstrument } from '../dev/run-instrument.ts';

/** For people who write instruments. */
export const devCommands: CommandGroup = ({ program, action }) => {
  topic(program, 'dev', 'for those who write instruments')
    .command('run')
    .argument(
      '<folder>',
      'an instrument: instrument.yaml with src/main.ts, or with files that run as they are',
    )
    .description('run an instrument on this sensor until Ctrl-C, unverified, with a volume that goes with it')
    .option('--name <name>', 'its name on the sensor (default: dev- and the name of the package)')
    .option(
      '--interface <port=monitor>',
      'wire an interface to a monitor interface, e.g. mon0=mon; may be repeated',
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option('--grant-all', 'grant everything that it asks for without a question')
    .option('--watch', 'build and run it again after each change')
    .action(action(runInstrument));
};
