import { main } from './main.ts';

// The one file here that acts when it is loaded: it is what `node` is given. Sockets of the rooms may linger; we end.
process.exit(await main(process.argv.slice(2)));
