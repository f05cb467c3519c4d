import { useEffect, useState } from 'preact/hooks';

/** Where on the page one is: `#/rules/2001?text=dns` is the page `rules`, of `2001`, with these settings. */
export interface Route {
  page: string;
  item: string | undefined;
  query: URLSearchParams;
}

/** Reads the part of an address behind `#`. Pure. */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [page = '', item] = path.split('/');
  return {
    page: page === '' ? 'overview' : page,
    item: item === undefined || item === '' ? undefined : decodeURIComponent(item),
    query: new URLSearchParams(search),
  };
}

/** The address of a place; empty settings are left out. Pure. */
export function hrefOf(page: string, item?: string | number, query: Record<string, string> = {}): string {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== ''));
  const path = item === undefined ? page : `${page}/${encodeURIComponent(item)}`;
  return `#/${path}${search.size === 0 ? '' : `?${search.toString()}`}`;
}

/** Goes there; `replace` leaves no step behind for the back button. */
export function go(href: string, replace = false): void {
  if (replace) {
    history.replaceState(null, '', href);
    dispatchEvent(new HashChangeEvent('hashchange'));
  } else {
    location.hash = href;
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const moved = () => {
      setRoute(parseRoute(location.hash));
    };
    addEventListener('hashchange', moved);
    return () => {
      removeEventListener('hashchange', moved);
    };
  }, []);
  return route;
}
