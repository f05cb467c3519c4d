import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A program that runs the given nats-server with `sync_interval: 2m` (its default) in place of `always`: a server that
 * acknowledges what the disk does not have yet. For showing that the power cuts find such a thing.
 */
export async function lazyServer(folder: string, natsServer: string): Promise<string> {
  const configs = join(folder, 'lazy');
  await mkdir(configs);
  // The server runs as a user of its own.
  await chmod(configs, 0o777);
  const program = join(folder, 'lazy-nats-server');
  const script = `#!/bin/sh
for last; do :; done
copy=${configs}/$(basename "$last")
sed 's/sync_interval: always/sync_interval: "2m"/' "$last" > "$copy"
[ "$1" = -t ] && exec ${natsServer} -t -c "$copy"
exec ${natsServer} -c "$copy"
`;
  await writeFile(program, script, { mode: 0o755 });
  return program;
}
