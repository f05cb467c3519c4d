/** What a person may be at a fleet, the lesser first. Each may what those before it may. */
export const ROLES = ['viewer', 'analyst', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

/** True when one of `roles` is `least` or more. What is not known as a role gives nothing. */
export function hasRole(roles: readonly string[], least: Role): boolean {
  const needed = ROLES.indexOf(least);
  return roles.some((role) => (ROLES as readonly string[]).indexOf(role) >= needed);
}

/** A person of the fleet as the sensor's own records name them: nobody of the sensor can be taken for them. */
export function fleetAuthor(user: string): string {
  const clean = user.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').trim();
  return `fleet/${clean === '' ? 'unknown' : clean.slice(0, 200)}`;
}
