/** One sample of a metric. */
export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

/** One metric with its samples. */
export interface Metric {
  type: string;
  help: string;
  samples: Sample[];
}

/**
 * Reads the Prometheus text format 0.0.4 as strictly as its description is, and what `promtool check metrics` asks of names
 * beside that. @throws Error that names the line.
 */
export function parsePrometheus(text: string): Map<string, Metric> {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const metrics = new Map<string, Metric>();
  const helps = new Map<string, string>();
  const seen = new Set<string>();
  let current: string | undefined;
  for (const line of text.slice(0, -1).split('\n')) {
    if (line === '') continue;
    const help = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line);
    if (help !== null) {
      if (helps.has(help[1]!)) throw new Error(`a second HELP: ${line}`);
      helps.set(help[1]!, help[2]!);
      continue;
    }
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (type !== null) {
      current = type[1]!;
      if (metrics.has(current)) throw new Error(`a second TYPE: ${line}`);
      metrics.set(current, { type: type[2]!, help: helps.get(current) ?? '', samples: [] });
      checkName(current, type[2]!, helps.get(current));
      continue;
    }
    const sample = parseSample(line);
    if (sample.name !== current) throw new Error(`a sample apart from its metric: ${line}`);
    const identity = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (seen.has(identity)) throw new Error(`the same sample twice: ${line}`);
    seen.add(identity);
    metrics.get(sample.name)!.samples.push(sample);
  }
  return metrics;
}

function parseSample(line: string): Sample {
  const head = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (head === null) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = head[2] ?? '';
  while (rest !== '') {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/.exec(rest);
    if (label === null) throw new Error(`not a label: ${rest}`);
    if (label[1]! in labels) throw new Error(`a label twice: ${line}`);
    labels[label[1]!] = label[2]!.replaceAll(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
    rest = rest.slice(label[0].length);
  }
  const value = Number(head[3]);
  if (head[3] !== 'NaN' && Number.isNaN(value)) throw new Error(`not a number: ${line}`);
  return { name: head[1]!, labels, value };
}

/** What promtool's linter says about names. */
function checkName(name: string, type: string, help: string | undefined): void {
  if (help === undefined) throw new Error(`${name} has no HELP`);
  if ((type === 'counter') !== name.endsWith('_total'))
    throw new Error(`${name} is a ${type}: _total or not`);
  if (/_(milliseconds|ms|kilobytes|kib|mib|minutes|hours|percent)(_|$)/i.test(name)) {
    throw new Error(`${name} is not in a base unit`);
  }
  if (/[A-Z]/.test(name)) throw new Error(`${name} is in camel case`);
}
