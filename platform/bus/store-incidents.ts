/** Something that happened to the store; `type` is the platform event under which it is published. */
export interface StoreIncident {
  type: 'bus.streamQuarantined' | 'bus.streamRepaired' | 'bus.streamDamaged' | 'bus.storeFailed';
  /** ISO 8601. */
  time: string;
  /** One sentence for people. */
  text: string;
  /** What the event says besides `text`. */
  fields: Readonly<Record<string, string | number>>;
}

const KEPT = 32;

/** Incidents and who is told. Those before the first listener are kept for it: much is found while starting. */
export class StoreIncidents {
  readonly #listeners = new Set<(incident: StoreIncident) => void>();
  #waiting: StoreIncident[] = [];

  tell(type: StoreIncident['type'], text: string, fields: StoreIncident['fields']): void {
    const incident = { type, text, fields, time: new Date().toISOString() };
    if (this.#listeners.size === 0) this.#waiting = [...this.#waiting, incident].slice(-KEPT);
    for (const listener of this.#listeners) listener(incident);
  }

  /** Returns how to stop listening. */
  listen(listener: (incident: StoreIncident) => void): () => void {
    this.#listeners.add(listener);
    for (const incident of this.#waiting.splice(0)) listener(incident);
    return () => this.#listeners.delete(listener);
  }
}
