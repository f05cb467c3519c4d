import type { DesiredState } from './desired.ts';
import { describeStep, plan, rightsDigest, type ActualState, type Step } from './plan.ts';

/** What a change would do, in words, and what stops working meanwhile. */
export interface ForeseenChange {
  steps: string[];
  /** What does not go on while the steps are done, or ends with them; empty when nobody notices. */
  interruptions: string[];
}

/** The plan is made anew after its steps, as the reconciler does it; two rounds are usual. */
const MAX_ROUNDS = 6;

/** Every step from `actual` to `desired`, assuming that each succeeds. Pure; empty when they agree. */
export function foreseenSteps(desired: DesiredState, actual: ActualState): Step[] {
  const all: Step[] = [];
  let now = actual;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const steps = plan(desired, now, () => ({ may: true }));
    if (steps.length === 0) break;
    all.push(...steps);
    now = steps.reduce((state, step) => after(desired, state, step), now);
  }
  return all;
}

/** @see ForeseenChange */
export function foreseenChange(desired: DesiredState, actual: ActualState): ForeseenChange {
  const steps = foreseenSteps(desired, actual);
  return { steps: steps.map(describeStep), interruptions: interruptionsOf(desired, actual, steps) };
}

function interruptionsOf(desired: DesiredState, actual: ActualState, steps: readonly Step[]): string[] {
  const started = new Set(steps.flatMap((step) => (step.kind === 'startInstrument' ? [step.name] : [])));
  return steps.flatMap((step) => {
    switch (step.kind) {
      case 'removeInstrument':
      case 'stopInstrument': {
        if (actual.containers.get(step.name)?.running !== true) return [];
        return [started.has(step.name) ? restartText(desired, step.name) : endText(step)];
      }
      case 'detachMonitor':
        return [
          `${step.name} is not watched ${isKept(desired, step.name) ? 'while its device changes' : 'any more'}`,
        ];
      case 'closePage':
        return [`the web page of ${step.name} closes; who looks at it is cut off`];
      case 'configureBus':
      case 'updateRights':
      case 'attachMonitor':
      case 'servePage':
      case 'startInstrument':
      case 'setFanout':
        return [];
    }
  });
}

function restartText(desired: DesiredState, name: string): string {
  const ports = desired.instruments.find((one) => one.name === name)?.ports ?? [];
  const carries = ports.filter(({ kind }) => kind === 'capture-out').map(({ monitor }) => monitor);
  if (carries.length > 0) {
    return `${name} is restarted: nobody sees the traffic of ${carries.join(', ')} for some seconds`;
  }
  if (ports.some(({ kind }) => kind === 'mirror'))
    return `${name} is restarted: it is blind for some seconds`;
  return `${name} is restarted: it does nothing for some seconds; events wait for it`;
}

function endText(step: { kind: 'removeInstrument' | 'stopInstrument'; name: string }): string {
  return step.kind === 'removeInstrument'
    ? `${step.name} ends; its volume stays, locked`
    : `${step.name} is stopped`;
}

function isKept(desired: DesiredState, monitor: string): boolean {
  return desired.monitors.some(({ name }) => name === monitor);
}

/** What is there once the step is done. */
function after(desired: DesiredState, state: ActualState, step: Step): ActualState {
  switch (step.kind) {
    case 'configureBus':
      return { ...state, busDigest: step.digest };
    case 'detachMonitor':
      return { ...state, monitors: without(state.monitors, step.name) };
    case 'attachMonitor':
      return {
        ...state,
        monitors: withOne(state.monitors, step.name, { device: step.device, intact: true }),
      };
    case 'setFanout':
      return { ...state, fanouts: withOne(state.fanouts, step.monitor, step.digest) };
    case 'removeInstrument':
      return { ...state, containers: without(state.containers, step.name) };
    case 'stopInstrument': {
      const before = state.containers.get(step.name);
      if (before === undefined) return state;
      return { ...state, containers: withOne(state.containers, step.name, { ...before, running: false }) };
    }
    case 'closePage':
    case 'servePage': {
      const before = state.containers.get(step.name);
      if (before === undefined) return state;
      const page = step.kind === 'servePage' ? { port: step.port, alive: true } : undefined;
      return { ...state, containers: withOne(state.containers, step.name, { ...before, page }) };
    }
    case 'updateRights': {
      const before = state.containers.get(step.name);
      if (before === undefined) return state;
      const told = { ...before, rights: step.digest };
      return { ...state, containers: withOne(state.containers, step.name, told) };
    }
    case 'startInstrument': {
      const instrument = desired.instruments.find(({ name }) => name === step.name);
      const rights = instrument && rightsDigest(instrument);
      const container = { running: true, digest: instrument?.digest, rights, drift: [], wired: true };
      return { ...state, containers: withOne(state.containers, step.name, container) };
    }
  }
}

function withOne<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map([...map, [key, value]]);
}

function without<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  return new Map([...map].filter(([one]) => one !== key));
}
