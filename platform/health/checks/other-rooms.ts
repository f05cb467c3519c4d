import type { HealthCheck } from '../types.ts';

/** What other rooms have found themselves; each finding keeps its own title. */
export const otherRooms: HealthCheck = {
  code: 'rooms',
  title: 'Parts of the sensor',
  async run({ more }) {
    const found = (await more?.()) ?? [];
    return found.map(({ title, severity, text, hint }) => ({
      title,
      severity,
      text,
      ...(hint === undefined ? {} : { hint }),
    }));
  },
};
