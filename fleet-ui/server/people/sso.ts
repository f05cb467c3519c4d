import * as oidc from 'openid-client';
import { z } from 'zod';
import { RoleAssignmentSchema, type RoleAssignment } from '@bulkhead/fleet-api';
import { BulkheadError } from '@bulkhead/platform/kernel';
import { openSeal } from './sealed.ts';

/** At which provider people sign in, and how its claims become roles. Part of fleetd's configuration. */
export const OidcConfigSchema = z.strictObject({
  /** On the button: `Sign in with …`. */
  label: z.string().min(1).max(40),
  /** Where `/.well-known/openid-configuration` is. HTTPS; plain HTTP on loopback only. */
  issuer: z.url().refine(isSafeIssuer, 'must be https'),
  clientId: z.string().min(1).max(256),
  /** Read from a file by whoever reads the configuration; leave out for a public client (PKCE alone). */
  clientSecret: z.string().min(1).max(1_024).optional(),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/))
    .max(20)
    .default(['openid', 'profile', 'email']),
  /** What a new account is called. */
  nameClaim: z.string().min(1).max(200).default('preferred_username'),
  /** Where the provider says what somebody is: a text, or a list of them. Dots lead into objects: `realm_access.roles`. */
  roleClaim: z.string().min(1).max(200).default('groups'),
  /** All that fit are given, anew with each sign-in. Who fits none is refused. */
  roles: z
    .array(RoleAssignmentSchema.extend({ value: z.string().min(1).max(256) }))
    .min(1)
    .max(200),
});
export type OidcConfig = z.output<typeof OidcConfigSchema>;

const LONGEST_MS = 10 * 60_000;
const TIMEOUT_S = 10;

const BegunSchema = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  redirectUri: z.string(),
  expires: z.number(),
});

/** What the provider says of a person. */
export interface ProvidedPerson {
  issuer: string;
  subject: string;
  name: string;
  displayName: string;
  roles: RoleAssignment[];
}

/**
 * OpenID Connect, authorization code flow with PKCE (RFC 6749, RFC 7636, OpenID Connect Core 1.0).
 *
 * INVARIANTS: an answer counts only in the browser that asked: state, nonce and verifier travel in a sealed cookie, for ten
 * minutes. Signature, issuer, audience, times and nonce of the ID token are checked by openid-client.
 */
export class SingleSignOn {
  readonly #config: OidcConfig;
  readonly #clock: () => number;
  readonly #seal = openSeal();
  #provider: Promise<oidc.Configuration> | undefined;

  constructor(config: OidcConfig, clock: () => number) {
    this.#config = config;
    this.#clock = clock;
  }

  get label(): string {
    return this.#config.label;
  }

  /** @returns where to send the browser, and what it must bring back @throws BulkheadError FLEET_PEOPLE_SSO_FAILED */
  async begin(redirectUri: string): Promise<{ location: string; sealed: string; maxAgeS: number }> {
    const provider = await this.#discover();
    const verifier = oidc.randomPKCECodeVerifier();
    const begun: z.infer<typeof BegunSchema> = {
      state: oidc.randomState(),
      nonce: oidc.randomNonce(),
      verifier,
      redirectUri,
      expires: this.#clock() + LONGEST_MS,
    };
    const location = oidc.buildAuthorizationUrl(provider, {
      redirect_uri: redirectUri,
      scope: this.#config.scopes.join(' '),
      state: begun.state,
      nonce: begun.nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    });
    return { location: location.href, sealed: this.#seal.seal(begun), maxAgeS: LONGEST_MS / 1000 };
  }

  /**
   * @param sealed what the browser brought back
   * @param query of the address to which the provider sent it
   * @throws BulkheadError FLEET_PEOPLE_SSO_FAILED, FLEET_PEOPLE_SSO_NO_ROLE
   */
  async finish(sealed: string | undefined, query: string): Promise<ProvidedPerson> {
    const begun = BegunSchema.safeParse(sealed === undefined ? undefined : this.#seal.open(sealed));
    if (!begun.success || begun.data.expires <= this.#clock()) {
      throw failed('It was not begun in this browser, or more than ten minutes ago.');
    }
    const { state, nonce, verifier, redirectUri } = begun.data;
    const provider = await this.#discover();
    try {
      const url = new URL(redirectUri);
      url.search = query;
      const tokens = await oidc.authorizationCodeGrant(provider, url, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: verifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new Error('the provider sent no ID token');
      const known: Record<string, unknown> =
        claimOf(claims, this.#config.roleClaim) !== undefined ||
        provider.serverMetadata().userinfo_endpoint === undefined
          ? { ...claims }
          : { ...(await oidc.fetchUserInfo(provider, tokens.access_token, claims.sub)), ...claims };
      return this.#person(claims.iss, claims.sub, known);
    } catch (cause) {
      if (cause instanceof BulkheadError) throw cause;
      throw failed('The identity provider did not confirm it.', cause);
    }
  }

  #person(issuer: string, subject: string, claims: Record<string, unknown>): ProvidedPerson {
    const values = textsOf(claimOf(claims, this.#config.roleClaim));
    const roles = this.#config.roles
      .filter(({ value }) => values.includes(value))
      .map(({ value: _value, ...assignment }) => assignment);
    const name =
      textsOf(claimOf(claims, this.#config.nameClaim))[0] ?? textsOf(claims['email'])[0] ?? subject;
    if (roles.length === 0) {
      throw new BulkheadError({
        code: 'FLEET_PEOPLE_SSO_NO_ROLE',
        message: `Nothing that the identity provider says of ${name.slice(0, 64)} gives a role here.`,
        hint: 'Put the person into a group that the configuration of fleetd maps to a role.',
      });
    }
    return { issuer, subject, name, displayName: textsOf(claims['name'])[0] ?? name, roles };
  }

  /** What the provider says of itself is asked once it is needed, and again as long as that fails. */
  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#config;
    const url = new URL(issuer);
    this.#provider ??= oidc.discovery(
      url,
      clientId,
      undefined,
      clientSecret === undefined ? oidc.None() : oidc.ClientSecretPost(clientSecret),
      {
        timeout: TIMEOUT_S,
        execute: [
          // Without it, the signature of an ID token that came straight from the provider is not looked at.
          oidc.enableNonRepudiationChecks,
          // Only for a provider on this very machine; the schema lets no other through. The library marks it as deprecated so that
          // it is noticed, and knows it by this very function.
          // eslint-disable-next-line @typescript-eslint/no-deprecated
          ...(url.protocol === 'http:' ? [oidc.allowInsecureRequests] : []),
        ],
      },
    );
    try {
      return await this.#provider;
    } catch (cause) {
      this.#provider = undefined;
      throw failed('The identity provider cannot be reached, or its answer is not valid.', cause);
    }
  }
}

function isSafeIssuer(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return (
    protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.0\.0\.1|\[::1\])$/.test(hostname))
  );
}

function claimOf(claims: unknown, path: string): unknown {
  if (typeof claims !== 'object' || claims === null) return undefined;
  if (Object.hasOwn(claims, path)) return (claims as Record<string, unknown>)[path];
  const dot = path.indexOf('.');
  if (dot < 0) return undefined;
  const outer = path.slice(0, dot);
  return Object.hasOwn(claims, outer)
    ? claimOf((claims as Record<string, unknown>)[outer], path.slice(dot + 1))
    : undefined;
}

function textsOf(value: unknown): string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value.slice(0, 1_000) : [value];
  return list.filter((one): one is string => typeof one === 'string' && one !== '');
}

function failed(message: string, cause?: unknown): BulkheadError {
  return new BulkheadError({
    code: 'FLEET_PEOPLE_SSO_FAILED',
    message,
    hint: 'Try again; if it goes on, the log of fleetd has the cause.',
    cause,
  });
}
