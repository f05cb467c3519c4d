import { main } from './main.ts';

// The one file here that acts when it is loaded: it is what `node` is given.
const exitCode = await main(process.argv.slice(2));
// Standard output may be a pipe that still holds the report.
process.stdout.write('', () => process.exit(exitCode));
