export { openPeople, type People, type PeopleOptions } from './open-people.ts';
export { PEOPLE_MIGRATIONS } from './schema.ts';
export { OidcConfigSchema, type OidcConfig } from './sso.ts';
export type { AuditLine } from './audit.ts';
export type { Identity } from './identity.ts';
export type { PagePeople, PageSession } from './pages.ts';
export { openSeal, type Seal } from './sealed.ts';
