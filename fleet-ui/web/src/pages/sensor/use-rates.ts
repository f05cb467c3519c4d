import type { SeenActive, SeenLedger } from '@bulkhead/fleet-api';
import { useMemo, useRef } from 'react';
import { activeRates, type ActiveRates, type ActiveReading } from './active-rates.ts';
import { ledgerRates, type StageRates } from './ledger-rates.ts';

/** Rates between the newest two readings of the ledger. */
export function useLedgerRates(now: SeenLedger | undefined): StageRates {
  return useBetween<SeenLedger, StageRates>(now, now?.to, ledgerRates, NO_RATES);
}

/** Rates between the newest two answers about active interfaces. */
export function useActiveRates(active: SeenActive | undefined, atMs: number): ActiveRates {
  const now = active === undefined ? undefined : { active, atMs };
  return useBetween<ActiveReading, ActiveRates>(now, atMs, activeRates, NO_RATES);
}

const NO_RATES = new Map<string, never>();

/** @param moment of the reading: the same one makes the same rates, however often the page is drawn */
function useBetween<T, R>(
  now: T | undefined,
  moment: string | number | undefined,
  make: (before: T | undefined, now: T) => R,
  none: R,
): R {
  const before = useRef<T | undefined>(undefined);
  const kept = useRef<{ of: string | number | undefined; rates: R } | undefined>(undefined);
  return useMemo(() => {
    if (now === undefined) return none;
    if (kept.current !== undefined && kept.current.of === moment) return kept.current.rates;
    const rates = make(before.current, now);
    before.current = now;
    kept.current = { of: moment, rates };
    return rates;
    // A reading is told by its moment.
  }, [moment, now === undefined]);
}
