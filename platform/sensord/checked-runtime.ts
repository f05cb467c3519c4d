import type { RuntimeRoom } from './rooms.ts';

/** What the executors use of the runtime. */
export type CheckedRuntime = Pick<
  RuntimeRoom,
  'ensureImage' | 'list' | 'create' | 'start' | 'stop' | 'remove'
>;

/** An image is checked before the daemon, which unpacks it as root, gets to see it. */
export function checkedRuntime(
  runtime: RuntimeRoom,
  checkImage: (file: string) => Promise<{ fingerprint: string }>,
): CheckedRuntime {
  const checked = new Map<string, string>();
  return {
    ensureImage: async (file) => {
      const known = checked.get(file) ?? (await checkImage(file)).fingerprint;
      checked.set(file, known);
      return runtime.ensureImage(file, known);
    },
    list: () => runtime.list(),
    create: (spec) => runtime.create(spec),
    start: (name) => runtime.start(name),
    stop: (name, options) => runtime.stop(name, options),
    remove: (name) => runtime.remove(name),
  };
}
