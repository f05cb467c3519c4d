import type { FastifyHelmetOptions } from '@fastify/helmet';
import { isIPv4 } from 'node:net';
import { hostOf } from './request-checks.ts';

/**
 * What every reply of the fleet's own carries. Nothing inline, nothing from elsewhere, never framed. The one way out is a form
 * that hands a session over to an instrument's page.
 *
 * The policy of the web app's page differs in one thing, see pages.ts: a nonce for its style elements.
 */
export function securityHeaders(options: {
  encrypted: boolean;
  instrumentHosts: string;
}): FastifyHelmetOptions {
  return {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        formAction: ["'self'", options.instrumentHosts, (request) => portsOfAddress(request.headers.host)],
        frameAncestors: ["'none'"],
        baseUri: ["'none'"],
      },
    },
    xFrameOptions: { action: 'deny' },
    // Never a path. Without the origin a form that hands a session over would say that it comes from `null`, from anybody.
    referrerPolicy: { policy: 'strict-origin' },
    crossOriginOpenerPolicy: { policy: 'same-origin' },
    crossOriginResourcePolicy: { policy: 'same-origin' },
    crossOriginEmbedderPolicy: false,
    // Browsers heed it only where they trust the certificate. Not for subdomains: they are instruments.
    strictTransportSecurity: options.encrypted ? { maxAge: 31_536_000, includeSubDomains: false } : false,
  };
}

/** Who reached the fleet by an address gets to instruments on other ports of it. */
function portsOfAddress(header: string | undefined): string {
  const host = hostOf(header) ?? '';
  return isIPv4(host) ? `${host}:*` : "'self'";
}
