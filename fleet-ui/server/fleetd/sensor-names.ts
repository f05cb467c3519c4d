/** Who knows the sensors. */
export interface NamedSensors {
  all(): readonly NamedSensor[];
  find(id: string): NamedSensor | undefined;
}

export interface NamedSensor {
  id: string;
  name: string;
  state: 'active' | 'mapping' | 'revoked';
}

/** Names of sensors in memory, for those who ask at every request. `changed` keeps them right. */
export class SensorNames {
  readonly #registry: NamedSensors;
  readonly #byId = new Map<string, NamedSensor>();
  readonly #byName = new Map<string, NamedSensor>();

  constructor(registry: NamedSensors) {
    this.#registry = registry;
    for (const sensor of registry.all()) this.#keep(sensor);
  }

  byId(id: string): NamedSensor | undefined {
    return this.#byId.get(id);
  }

  byName(name: string): NamedSensor | undefined {
    return this.#byName.get(name);
  }

  /** A sensor came, was renamed or went. */
  changed(id: string): void {
    const before = this.#byId.get(id);
    this.#byId.delete(id);
    if (before !== undefined && this.#byName.get(before.name)?.id === id) this.#byName.delete(before.name);
    const now = this.#registry.find(id);
    if (now !== undefined) this.#keep(now);
  }

  all(): NamedSensor[] {
    return [...this.#byId.values()];
  }

  #keep({ id, name, state }: NamedSensor): void {
    this.#byId.set(id, { id, name, state });
    this.#byName.set(name, { id, name, state });
  }
}
