/** One option of an instrument, as its manifest describes it. */
export interface OptionField {
  name: string;
  title: string;
  description: string | undefined;
  kind: 'switch' | 'choice' | 'number' | 'text' | 'lines' | 'json';
  /** Of a `choice`. */
  choices: readonly string[];
  whole: boolean;
  minimum: number | undefined;
  maximum: number | undefined;
  /** What holds when nobody says anything; undefined: nothing does. */
  usual: unknown;
}

/** A value as it was typed; undefined = not said, so that what is below holds. */
export type Typed = string | undefined;
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** The fields of a form, from the JSON Schema of an object. What is not understood is typed as JSON. Pure. */
export function optionFields(schema: Readonly<Record<string, unknown>> | undefined): OptionField[] {
  const properties = objectOf(schema?.['properties']);
  return Object.entries(properties).map(([name, value]): OptionField => {
    const one = objectOf(value);
    const choices = Array.isArray(one['enum']) ? one['enum'].filter((each) => typeof each === 'string') : [];
    return {
      name,
      title: textOf(one['title']) ?? name,
      description: textOf(one['description']),
      kind: kindOf(one, choices),
      choices,
      whole: one['type'] === 'integer',
      minimum: typeof one['minimum'] === 'number' ? one['minimum'] : undefined,
      maximum: typeof one['maximum'] === 'number' ? one['maximum'] : undefined,
      usual: one['default'],
    };
  });
}

/** A value as it is typed into its field. Pure. */
export function typedOf({ kind }: Pick<OptionField, 'kind'>, value: unknown): string {
  if (kind === 'lines' && Array.isArray(value)) return value.map(String).join('\n');
  if (kind === 'json' || typeof value === 'object') return JSON.stringify(value);
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

/** What was typed as a value, or why it is none. Nothing typed: undefined. Pure. */
export function valueOf(field: OptionField, typed: Typed): { value: Json | undefined } | { problem: string } {
  const text = (typed ?? '').trim();
  if (text === '') return { value: undefined };
  switch (field.kind) {
    case 'switch':
      return { value: text === 'true' };
    case 'choice':
      return field.choices.includes(text) ? { value: text } : { problem: 'is none of those that there are' };
    case 'text':
      return { value: text };
    case 'lines':
      return { value: linesOf(text) };
    case 'number':
      return numberOf(field, text);
    case 'json':
      try {
        return { value: JSON.parse(text) as Json };
      } catch {
        return { problem: 'is not JSON' };
      }
  }
}

/** What a value is called where it cannot be typed. Pure. */
export function usualWords(value: unknown): string {
  if (value === undefined) return 'none';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.length === 0 ? 'none' : value.map(usualWords).join(', ');
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function kindOf(one: Readonly<Record<string, unknown>>, choices: readonly string[]): OptionField['kind'] {
  if (choices.length > 0) return 'choice';
  switch (one['type']) {
    case 'boolean':
      return 'switch';
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
      return 'text';
    case 'array':
      return objectOf(one['items'])['type'] === 'string' ? 'lines' : 'json';
    default:
      return 'json';
  }
}

function numberOf({ whole, minimum, maximum }: OptionField, text: string): ReturnType<typeof valueOf> {
  const value = Number(text);
  if (!Number.isFinite(value)) return { problem: 'is no number' };
  if (whole && !Number.isInteger(value)) return { problem: 'must be a whole number' };
  if (minimum !== undefined && value < minimum) return { problem: `must be at least ${String(minimum)}` };
  if (maximum !== undefined && value > maximum) return { problem: `must be at most ${String(maximum)}` };
  return { value };
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
