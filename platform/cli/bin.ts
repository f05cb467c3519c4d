import { main } from './main.ts';

// The one file here that acts when it is loaded: it is what `node` is given.
process.exitCode = await main(process.argv.slice(2));
