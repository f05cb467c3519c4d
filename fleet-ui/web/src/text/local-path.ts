/** A path of this very site, or `/`: what stands in an address must not lead people elsewhere. Pure. */
export function localPath(text: string | undefined): string {
  if (text === undefined || !text.startsWith('/') || /^\/[/\\]/.test(text) || /[\u0000-\u0020\\]/.test(text))
    return '/';
  return text;
}
