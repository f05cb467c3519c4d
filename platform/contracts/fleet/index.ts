/** The link between sensor and fleet, made from `fleet.proto` by `npm run link-code`. */
export * from './generated/fleet.ts';
