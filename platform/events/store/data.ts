/** Whose records: exactly one of the two. */
export type DataSubject =
  | {
      /** One address, IPv4 or IPv6, as source, destination, or an address that the record names elsewhere. */
      address: string;
      name?: undefined;
    }
  | {
      /** A name (DNS, HTTP host, TLS server name): exact, or `*.example.org` for everything below it. */
      name: string;
      address?: undefined;
    };

/** What the store holds of a subject. Times are ISO 8601; absent when there is nothing. */
export interface FoundData {
  records: number;
  byType: Readonly<Record<string, number>>;
  oldest?: string;
  newest?: string;
}

/** A mark that keeps retention, eviction and purges off the records of a subject, until it is released. */
export interface DataHold {
  id: number;
  subject: DataSubject;
  /** Why, and by whom, in the words of the person who asked. */
  reason: string;
  /** ISO 8601. */
  since: string;
}

/** Records of one type in the store. */
export interface StoredType {
  records: number;
  oldest: string;
  newest: string;
  /** Days after which they are dropped; 0 = kept until the store is full. */
  retentionDays: number;
}

/** The store as the data report lists it. */
export interface EventStoreReport {
  records: number;
  /** On disk, with indexes. */
  bytes: number;
  storeMib: number;
  oldest?: string;
  newest?: string;
  byType: Readonly<Record<string, StoredType>>;
  policy: {
    retentionDays: Readonly<Record<string, number>>;
    /** Fields that are dropped or made pseudonyms, in words, e.g. `storage: drop http.url (http)`. */
    fields: readonly string[];
  };
  holds: readonly DataHold[];
  /** Records dropped since the store was made, by reason: `retention`, `full`, `purge`, `duplicate`. */
  dropped: Readonly<Record<string, number>>;
}

/**
 * What the sensor's event store offers to whoever answers for the data in it.
 * @throws BulkheadError EVENTS_STORE_UNAVAILABLE while the store is closed, being rebuilt or cannot be written;
 *         EVENTS_FILTER_INVALID for a subject that is neither an address nor a name.
 */
export interface EventStoreData {
  find(subject: DataSubject): Promise<FoundData>;
  /** Deletes the records of a subject, with all traces in the index; those under a hold stay and are counted. */
  purge(subject: DataSubject): Promise<{ deleted: number; held: number }>;
  hold(subject: DataSubject, reason: string): Promise<DataHold>;
  /** @returns false when there is no such hold. */
  release(id: number): Promise<boolean>;
  report(): Promise<EventStoreReport>;
}
