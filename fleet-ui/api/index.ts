// Shapes that server and web app share. One file for each resource; add a line for a new one.
export * from './about.ts';
export * from './attention.ts';
export * from './errors.ts';
export * from './rights.ts';
export * from './sensor-status.ts';
export * from './shapes.ts';
export * from './audit.ts';
export * from './people.ts';
export * from './session.ts';
export * from './tokens.ts';
export * from './sensors.ts';
export * from './enrol.ts';
export * from './groups.ts';
export * from './link.ts';
export * from './live.ts';
export * from './ui-access.ts';
export * from './events.ts';
