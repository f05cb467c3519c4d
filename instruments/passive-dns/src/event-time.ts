/** An event may be so far ahead of the clock, in seconds, or so far behind, before its time counts as nonsense. */
const AHEAD_S = 86_400;
const BEHIND_S = 400 * 86_400;

/**
 * Reads times of events; remembers the last, since many events share a second.
 * Suricata writes `2026-03-02T08:00:00.123456+0000`.
 */
export class EventTimes {
  #text = '';
  #seconds = Number.NaN;

  /**
   * Seconds since 1970 of the first of `texts` that is a plausible time, else of now.
   * @param nowMs the clock
   */
  seconds(nowMs: number, ...texts: readonly unknown[]): number {
    const now = Math.floor(nowMs / 1000);
    for (const text of texts) {
      if (typeof text !== 'string' || text.length > 40) continue;
      const seconds = this.#parse(text);
      if (seconds <= now + AHEAD_S && seconds >= now - BEHIND_S) return seconds;
    }
    return now;
  }

  #parse(text: string): number {
    // The fraction of a second does not matter, so one result serves all events of a second.
    const dot = text.indexOf('.');
    const key = dot < 0 ? text : text.slice(0, dot) + text.slice(dot + 1).replace(/^\d+/, '');
    if (key !== this.#text) {
      this.#text = key;
      this.#seconds = Math.floor(Date.parse(key.replace(/([+-]\d\d)(\d\d)$/, '$1:$2')) / 1000);
    }
    return this.#seconds;
  }
}
