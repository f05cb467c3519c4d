import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

/** What the provider says of who signs in next, and where it misbehaves. */
export interface ProviderMood {
  claims: Record<string, unknown>;
  /** Claims that only the userinfo endpoint tells. */
  userinfo?: Record<string, unknown>;
  /** Changes the ID token just before it is signed. */
  spoil?: (token: Record<string, unknown>) => Record<string, unknown>;
  /** Signs with a key that is not published. */
  strangeKey?: boolean;
}

export interface OidcProvider {
  issuer: string;
  mood: ProviderMood;
  /** What a person does in the browser: comes with the address, signs in, is sent back. @returns the address they are sent to */
  visit(location: string): string;
  /** Requests that came to the token endpoint, by outcome. */
  readonly tokenRequests: string[];
  close(): Promise<void>;
}

interface Grant {
  redirectUri: string;
  challenge: string;
  nonce: string;
  clientId: string;
}

/**
 * An OpenID provider on loopback, small and strict: authorization code with PKCE only, RS256, a code works once and for the
 * address and the verifier that it was asked with.
 */
export async function startOidcProvider(client: { id: string; secret: string }): Promise<OidcProvider> {
  const published = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const strange = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const grants = new Map<string, Grant>();
  const tokenRequests: string[] = [];
  const server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: OidcProvider = {
    issuer,
    mood: { claims: {} },
    tokenRequests,
    visit: (location) => {
      const { origin, pathname, searchParams: asked } = new URL(location);
      const wanted = (name: string) => asked.get(name) ?? '';
      if (`${origin}${pathname}` !== `${issuer}/authorize`) throw new Error(`sent to ${location}`);
      if (wanted('response_type') !== 'code' || wanted('client_id') !== client.id)
        throw new Error('unknown client or flow');
      if (wanted('code_challenge_method') !== 'S256' || wanted('code_challenge') === '')
        throw new Error('no PKCE');
      const code = randomBytes(16).toString('base64url');
      grants.set(code, {
        redirectUri: wanted('redirect_uri'),
        challenge: wanted('code_challenge'),
        nonce: wanted('nonce'),
        clientId: wanted('client_id'),
      });
      const back = new URL(wanted('redirect_uri'));
      back.searchParams.set('code', code);
      back.searchParams.set('state', wanted('state'));
      return back.href;
    },
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return provider;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const reply = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url === '/.well-known/openid-configuration') return void reply(200, metadata());
    if (request.url === '/jwks') {
      const key = published.publicKey.export({ format: 'jwk' });
      return void reply(200, { keys: [{ ...key, kid: 'one', use: 'sig', alg: 'RS256' }] });
    }
    if (request.url === '/userinfo')
      return void reply(200, { sub: provider.mood.claims['sub'], ...provider.mood.userinfo });
    if (request.url !== '/token') return void reply(404, { error: 'not_found' });
    const form = new URLSearchParams(await bodyOf(request));
    const code = form.get('code') ?? '';
    const grant = grants.get(code);
    grants.delete(code);
    const verifier = createHash('sha256')
      .update(form.get('code_verifier') ?? '')
      .digest('base64url');
    const fault =
      form.get('client_id') !== client.id || form.get('client_secret') !== client.secret
        ? 'invalid_client'
        : grant === undefined ||
            grant.redirectUri !== form.get('redirect_uri') ||
            grant.challenge !== verifier
          ? 'invalid_grant'
          : undefined;
    tokenRequests.push(fault ?? 'granted');
    if (fault !== undefined || grant === undefined) return void reply(400, { error: fault });
    reply(200, {
      access_token: randomBytes(16).toString('base64url'),
      token_type: 'Bearer',
      expires_in: 60,
      id_token: idToken(grant),
    });
  }

  function idToken(grant: Grant): string {
    const now = Math.floor(Date.now() / 1000);
    const honest = {
      iss: issuer,
      aud: grant.clientId,
      iat: now,
      exp: now + 60,
      nonce: grant.nonce,
      ...provider.mood.claims,
    };
    const payload = provider.mood.spoil?.(honest) ?? honest;
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const text = `${part({ alg: 'RS256', kid: 'one', typ: 'JWT' })}.${part(payload)}`;
    const { privateKey } = provider.mood.strangeKey === true ? strange : published;
    return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
  }

  function metadata() {
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      userinfo_endpoint: `${issuer}/userinfo`,
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_post'],
    };
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
