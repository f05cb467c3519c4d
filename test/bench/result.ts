import { z } from 'zod';

/** One number that was measured. */
export const FigureSchema = z.strictObject({
  /** Stable, lower-case, e.g. `whole_path_over_mirred_n8`. */
  name: z.string().regex(/^[a-z][a-z0-9_]*$/),
  value: z.number(),
  /** `ratio`, `packets/s`, `records/s`, `ns`, `count`, ... */
  unit: z.string().min(1),
});
export type Figure = z.output<typeof FigureSchema>;

/** What a figure must reach. `min` and `max` are both inclusive. */
export const TargetSchema = z.strictObject({
  /** Name of the figure that is judged. */
  figure: z.string(),
  min: z.number().optional(),
  max: z.number().optional(),
});
export type Target = z.output<typeof TargetSchema>;

/** What a bench measured, before it is judged. */
export interface Measurement {
  figures: Figure[];
  targets: Target[];
  /** Versions of the parts that were measured, e.g. `{ suricata: '7.0.10' }`; those of kernel and Node are added. */
  versions?: Record<string, string>;
  /** What the reader should know of this run (driver of a cipher, a burst that was thrown away). At most 20. */
  notes?: string[];
}

/** What a bench may use while it runs. */
export interface BenchContext {
  /** Folder of the repository. (A bench runs as a bundle below build/, so its own URL does not lead there.) */
  root: string;
  /** Progress for people, one line each; standard output stays free for the result. */
  progress: (text: string) => void;
  /** Aborted by Ctrl-C or by the time limit; a bench cleans up and rejects. */
  signal: AbortSignal;
}

/** One bench: `test/bench/<name>/index.ts` exports `bench` of this type. */
export interface Bench {
  /** The name of its folder. */
  name: string;
  /** What is measured, in one line. */
  title: string;
  /** Aborted after this long. Default 10 minutes. */
  timeoutMs?: number;
  run: (context: BenchContext) => Promise<Measurement>;
}

/** The one object that `scripts/bench NAME --json` prints. */
export const BenchResultSchema = z.strictObject({
  bench: z.string(),
  figures: z.array(FigureSchema).min(1),
  targets: z.array(TargetSchema.extend({ value: z.number(), reached: z.boolean() })),
  /** Every target is reached. */
  reached: z.boolean(),
  machine: z.strictObject({
    cpu: z.string(),
    cores: z.int().positive(),
    memoryMib: z.int().positive(),
    kernel: z.string(),
  }),
  versions: z.record(z.string(), z.string()),
  notes: z.array(z.string()).max(20).optional(),
});
export type BenchResult = z.output<typeof BenchResultSchema>;

/**
 * Judges each target by the figure that it names. A target whose figure was not measured is a mistake of the bench, and an
 * error: it must not count as reached.
 */
export function judge(
  bench: string,
  measurement: Measurement,
  machine: BenchResult['machine'],
  versions: Record<string, string>,
): BenchResult {
  const values = new Map(measurement.figures.map((figure) => [figure.name, figure.value]));
  const targets = measurement.targets.map((target) => {
    const value = values.get(target.figure);
    if (value === undefined) throw new Error(`The target ${target.figure} of ${bench} was not measured.`);
    if (target.min === undefined && target.max === undefined) {
      throw new Error(`The target ${target.figure} of ${bench} says neither min nor max.`);
    }
    const reached = value >= (target.min ?? -Infinity) && value <= (target.max ?? Infinity);
    return { ...target, value, reached };
  });
  return BenchResultSchema.parse({
    bench,
    figures: measurement.figures,
    targets,
    reached: targets.every((target) => target.reached),
    machine,
    versions: { ...versions, ...measurement.versions },
    ...(measurement.notes === undefined ? {} : { notes: measurement.notes }),
  });
}
