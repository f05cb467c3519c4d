import type { Site } from '../kernel/index.ts';

/** How a container that is not ours is called: instrument names have no colon. */
const FOREIGN = 'lxd:';

/**
 * Name of an instrument's container in LXD: `<prefix>-<instrument>`. It differs between the sensors of one machine,
 * because LXD 5.0 gives containers of the same name the same id range, even in different projects.
 */
export function lxdName(site: Pick<Site, 'prefix'>, instrument: string): string {
  return instrument.startsWith(FOREIGN) ? instrument.slice(FOREIGN.length) : `${site.prefix}-${instrument}`;
}

/** The instrument of a container's LXD name; `lxd:<name>` when somebody else put it into the project. */
export function instrumentOf(site: Pick<Site, 'prefix'>, name: string): string {
  return name.startsWith(`${site.prefix}-`) ? name.slice(site.prefix.length + 1) : `${FOREIGN}${name}`;
}
