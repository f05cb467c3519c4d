import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

/**
 * Goes to another page, once. (The router's own component goes again with every new render, and while the other page is being
 * fetched each going makes one: that never ends.)
 */
export function Leave({ to, next }: { to: string; next?: string }) {
  const navigate = useNavigate();
  const gone = useRef(false);
  useEffect(() => {
    if (gone.current) return;
    gone.current = true;
    const search = next === undefined || next === '/' ? '' : `?next=${encodeURIComponent(next)}`;
    void navigate({ href: `${to}${search}`, replace: true });
  }, [navigate, to, next]);
  return null;
}
