/** What differs, place by place: taken away above, put in its place below. */
export function Differences({
  differences,
}: {
  differences: readonly { pointer: string; before?: unknown; after?: unknown }[];
}) {
  if (differences.length === 0) return <p className="quiet">Nothing differs.</p>;
  return (
    <ul className="differences">
      {differences.map(({ pointer, before, after }) => (
        <li key={pointer}>
          <code>{pointer}</code>
          {before !== undefined && <del>{valueText(before)}</del>}
          {after !== undefined && <ins>{valueText(after)}</ins>}
        </li>
      ))}
    </ul>
  );
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value, undefined, 2);
}
