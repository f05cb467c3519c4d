import type {
  FastifyBaseLogger,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AttentionItem, GrantedRight, Right, Role } from '@bulkhead/fleet-api';

/** fastify with zod: `schema: { params, querystring, body, response }` are zod schemas and type the handler. */
export type FleetApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** Who sent a request: a signed-in person, or an API token (then `id` is the token's owner and `may` knows both). */
export interface Person {
  id: string;
  name: string;
  roles: readonly Role[];
  /**
   * Without a sensor: may they do this anywhere at all (lists are then filtered). With one: there. An instrument narrows further.
   */
  may(right: GrantedRight, sensor?: string, instrument?: string): boolean;
  /** Roles that apply there, for an instrument to be told: never more than session or token gives. */
  rolesFor?(sensor: string, instrument: string): readonly Role[];
  /** Session, token and roles are still what they were when this was asked for: for what goes on for long. */
  isAlive?(): boolean;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Needed on every route; fleetd does not start with one that lacks it. */
    right?: Right;
    /** Name of the path parameter that holds the id of the sensor which `right` is about. */
    sensorParam?: string;
    /** Name of the path parameter that holds the instrument which `right` is about. */
    instrumentParam?: string;
    /**
     * A change that is about sensors which do not stand in its path (bulk actions, a sensor in the body): the handler asks
     * `person.may(right, sensor)` for each of them. Without it, such a change needs the right on all sensors.
     */
    judgesEach?: true;
    /**
     * For the audit log, in place of method and route: `sensor.rename`. Changes are always in it; reading only where a route
     * has a name here (what is sensitive to have seen): once in ten minutes for the same person and thing, and each time for a
     * name that ends in `.export`.
     */
    audit?: string;
  }
  interface FastifyRequest {
    /** Set by the guard before a handler runs; on a public route it may be missing. */
    person?: Person;
    /**
     * A handler may say more for the audit log than the path does: what it was done to, further facts (never secrets), and on
     * public routes who it was.
     */
    audited?: {
      person?: { id: string; name: string };
      target?: string;
      facts?: Record<string, string | number | boolean>;
    };
  }
}

/** Decides on every request before anything else reads it. At most one feature brings it; without one only public routes answer. */
export interface Guard {
  /**
   * Authenticates (`request.person`), refuses by `request.routeOptions.config`, checks that a change comes from our own pages.
   * Refuses by throwing a BulkheadError. Not called for addresses that do not exist.
   */
  onRequest(request: FastifyRequest, reply: FastifyReply): Promise<void>;
  /** After the reply was sent: the audit log. */
  onResponse?(request: FastifyRequest, reply: FastifyReply): Promise<void>;
}

/** Serves other hosts than the fleet's own on the same listener: pages of instruments. Nothing of the app runs for them. */
export interface HostHandler {
  /** @param host the Host header in lower case, without the port */
  serves(host: string): boolean;
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/**
 * Something that fleetd does. `routes` is called first, before the listener opens; `start` once, in the order of
 * fleetd/features.ts, and returns quickly; `stop` once in the reverse order, also when `start` failed. A feature that fails to
 * start ends fleetd, if it is `needed` (the default); else it is shown under attention and hinders no other.
 */
export interface FleetFeature {
  name: string;
  needed?: boolean;
  start(): Promise<void>;
  stop(): Promise<void>;
  routes?(app: FleetApp): void;
  guard?: Guard;
  hosts?: HostHandler;
  /** What needs attention now. Cheap: asked with every view of the overview. */
  attention?(): AttentionItem[];
}
