// What an operator does to one service or backend: `pause`, `resume`, `drain`, `maintenance`. Names are
// looked up first, so that a slip is answered with what was probably meant.

import { setTimeout as pauseFor } from "node:timers/promises";
import type { Question } from "../admin/control-client.ts";
import type { Outcome, ServiceRow } from "../admin/operations.ts";
import { askServices, findBackend, findService, missingBackend } from "./find-service.ts";
import { outcomeOf, tellOutcome } from "./outcome.ts";
import { withProgress } from "./progress.ts";
import { type CommandOptions, placeOf } from "./running.ts";

/** Returns the exit code, like all that follow. */
export async function pauseService(name: string, options: CommandOptions): Promise<number> {
  const path = placeOf(options);
  const { name: service } = findService((await askServices(path)).rows, name);
  return tellOutcome(await outcomeOf(path, order("pause", { service })), options);
}

/** Without a backend the whole service. */
export async function resumeService(
  name: string,
  backendText: string | undefined,
  options: CommandOptions,
): Promise<number> {
  const path = placeOf(options);
  const row = findService((await askServices(path)).rows, name);
  const backend = backendText === undefined ? {} : { backend: findBackend(row, backendText).url };
  const question = order("resume", { service: row.name, ...backend });
  return tellOutcome(await outcomeOf(path, question), options);
}

export async function setMaintenance(
  name: string,
  on: boolean,
  options: CommandOptions,
): Promise<number> {
  const path = placeOf(options);
  const { name: service } = findService((await askServices(path)).rows, name);
  return tellOutcome(await outcomeOf(path, order("maintenance", { service, on })), options);
}

export async function drainBackend(
  name: string,
  backendText: string | undefined,
  options: CommandOptions & { readonly wait: boolean },
): Promise<number> {
  const path = placeOf(options);
  const row = findService((await askServices(path)).rows, name);
  if (backendText === undefined) throw missingBackend(row, "drain");
  const place = { service: row.name, backend: findBackend(row, backendText).url };
  const outcome = await outcomeOf(path, order("drain", place));
  if (!outcome.ok || !options.wait) return tellOutcome(outcome, options);
  let inFlight: string | undefined;
  const work = drained(path, place, (count) => (inFlight = `${count} in flight`));
  const end = await withProgress(work, () =>
    Promise.resolve(inFlight && `draining ${place.backend}: ${inFlight}`),
  );
  return tellOutcome(end, options);
}

function order(what: string, body: Readonly<Record<string, unknown>>): Question {
  return { route: `/v1/services/${what}`, method: "POST", body };
}

// --- waiting -----------------------------------------------------------------------------------

const intervalMs = 250;
/** What a worker does not say in time is missing from the sum: one answer of nothing proves little. */
const quietAnswers = 2;

interface Place {
  readonly service: string;
  readonly backend: string;
}

/** Until nothing is in flight there, however long its sessions take. */
async function drained(
  path: string,
  place: Place,
  tell: (inFlight: number) => void,
): Promise<Outcome> {
  for (let quiet = 0; ; await pauseFor(intervalMs)) {
    const { rows } = await askServices(path);
    const backend = backendAt(rows, place);
    if (backend === undefined) {
      return { ok: true, message: `${place.backend} is no longer in the configuration` };
    }
    // It also is while it is down.
    if (backend.state !== "draining") {
      return { ok: false, message: `somebody had ${place.backend} resume before it was drained` };
    }
    const open = backend.inFlight + backend.waiting;
    tell(open);
    quiet = open === 0 ? quiet + 1 : 0;
    if (quiet === quietAnswers) {
      return { ok: true, message: `drained: nothing is in flight to ${place.backend}` };
    }
  }
}

function backendAt(rows: readonly ServiceRow[], { service, backend }: Place) {
  return rows.find(({ name }) => name === service)?.backends.find(({ url }) => url === backend);
}
