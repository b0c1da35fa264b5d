// What happens in the program, told to the alert desk. Nothing is loaded before somebody wants to be told.

import { hostname } from "node:os";

import type { AlertDesk } from "../alerts/desk.ts";
import type { ErrorRatioWatch } from "../alerts/error-ratio.ts";
import type { AlertTest, CertificateRow, ServiceRow } from "../admin/operations.ts";
import { certificateLimits } from "../config/tls-limits.ts";
import { formatProblem, type Problem } from "../config/problem.ts";
import type { AlertSettings } from "../config/alert-settings.ts";
import type { Snapshot } from "../config/snapshot.ts";
import type { HealthEvent } from "../health/health-event.ts";
import type { Log } from "../lib/log.ts";
import { programVersion } from "../lib/version.ts";
import type { ServiceOutcomes } from "../upstream/state.ts";

/** How often shares of failed requests are looked at, ms; windows are minutes long. */
const lookMs = 5000;

/** By then everything that is checked was checked, whatever was known before. */
const settledMs = 60_000;

/** Below a file nobody can make a folder, not even root. */
const noFolder = "/dev/null/tidegate";

export interface AlarmsOptions {
  readonly log: Log;
  /** Services as they are now. */
  rows(): readonly ServiceRow[];
  /** The state folder; undefined = there is none. */
  folder(configured: string | undefined): string | undefined;
}

type Events = typeof import("../alerts/events.ts");

interface Desk {
  readonly desk: AlertDesk;
  readonly errors: ErrorRatioWatch;
  readonly events: Events;
  readonly looking: NodeJS.Timeout;
}

export class Alarms {
  readonly #options: AlarmsOptions;
  #desk: Desk | undefined;
  readonly #startedAt = performance.now();
  #services: readonly string[] = [];
  /** Loading and changing come one after the other. */
  #changing: Promise<void> = Promise.resolve();

  constructor(options: AlarmsOptions) {
    this.#options = options;
  }

  update({ alerts, services, stateFolder }: Snapshot): void {
    this.#services = [...services.keys()];
    this.#changing = this.#changing.then(async () => {
      if (this.#desk === undefined && alerts === undefined) return;
      this.#desk ??= await this.#open(alerts, stateFolder);
      this.#desk.desk.update(alerts);
      if (alerts !== undefined) this.#desk.errors.update(alerts.errors);
      const { desk, events } = this.#desk;
      desk.raise(events.configurationAccepted(Date.now()));
    });
    // That nobody can be told must not end the program, nor the next attempt.
    this.#changing = this.#changing.catch((error: unknown) => {
      const cause = error instanceof Error ? error.message : String(error);
      this.#options.log.error("alerts cannot be sent", { cause });
    });
  }

  async #open(settings: AlertSettings | undefined, stateFolder: string | undefined): Promise<Desk> {
    const [{ AlertDesk: Desk }, { ErrorRatioWatch: Watch }, events] = await Promise.all([
      import("../alerts/desk.ts"),
      import("../alerts/error-ratio.ts"),
      import("../alerts/events.ts"),
    ]);
    const { log } = this.#options;
    // Without a folder the queue finds that it cannot write, says so, and keeps what it has in memory.
    const folder = this.#options.folder(stateFolder) ?? noFolder;
    const desk = new Desk({
      settings,
      folder,
      log,
      hostName: hostname(),
      version: programVersion(),
    });
    const usual = settings?.errors ?? { ratio: 1, window: 60_000, minRequests: 1 };
    const errors = new Watch({
      settings: usual,
      raise: (alert) => desk.raise(alert),
      open: desk.open(),
    });
    const opened = { desk, errors, events };
    const looking = setInterval(() => this.#look(opened), lookMs).unref();
    return { ...opened, looking };
  }

  #look({ desk, errors, events }: Omit<Desk, "looking">): void {
    errors.look(this.#services);
    if (performance.now() - this.#startedAt < settledMs) return;
    // Trouble that a former primary told of, and that nobody saw end.
    const troubles = troublesOf(this.#options.rows(), events);
    for (const alert of desk.open()) {
      const isOurs = alert.topic === "backend" || alert.topic === "service";
      if (!isOurs || troubles.has(alert.key)) continue;
      desk.raise(events.overBy(alert, "Nobody saw it end.", Date.now()));
    }
  }

  onHealth(event: HealthEvent): void {
    const { service, why, at } = event;
    const isUp = event.change === "up" || event.change === "alive";
    this.#raise((events) =>
      event.kind === "service"
        ? events.serviceAlert({ service, isUp, why, at })
        : events.backendAlert({ service, backend: event.backend, isUp, why, at }),
    );
  }

  onRefused(problems: readonly Problem[]): void {
    const lines = problems.map(formatProblem);
    this.#raise((events) => events.configurationRefused(lines, Date.now()));
  }

  onTakenBack(message: string): void {
    this.#raise((events) => events.changeTakenBack(message, Date.now()));
  }

  onReplaced(slot: number, pid: number, what: string): void {
    this.#raise((events) => events.workerAlert({ slot, pid, what, at: Date.now() }));
  }

  /** @param rows of all that are needed, as they are now */
  onCertificates(rows: readonly CertificateRow[]): void {
    void this.#changing.then(() => {
      if (this.#desk === undefined) return;
      const { desk, events } = this.#desk;
      const now = Date.now();
      const open = new Set<string>();
      for (const row of rows) {
        const alert = events.certificateAlert(row, now);
        if (alert === undefined) continue;
        // Of what is just being written nobody is told; what was told stays.
        const isYoung =
          row.since !== undefined && Date.parse(row.since) > now - certificateLimits.look;
        if (!isYoung && !open.has(alert.key)) desk.raise(alert);
        open.add(alert.key);
      }
      for (const each of desk.open()) {
        if (!events.isOfCertificate(each) || open.has(each.key)) continue;
        desk.raise(events.overBy(each, "`tidegate certs` shows how it is now.", now));
      }
    });
  }

  onOutcomes(worker: number, services: readonly ServiceOutcomes[]): void {
    this.#desk?.errors.feed(String(worker), services);
  }

  onWorkerGone(worker: number): void {
    this.#desk?.errors.forget(String(worker));
  }

  #raise(make: (events: Events) => Parameters<AlertDesk["raise"]>[0]): void {
    void this.#changing.then(() => {
      if (this.#desk !== undefined) this.#desk.desk.raise(make(this.#desk.events));
    });
  }

  async test(): Promise<AlertTest> {
    await this.#changing;
    const channels = (await this.#desk?.desk.test()) ?? [];
    if (channels.length === 0) {
      const message = "nobody is told of anything: the configuration has no alerts";
      return { ok: false, message, channels };
    }
    const ok = channels.every((each) => each.ok);
    const message = ok ? "every channel took the test message" : "not every channel took it";
    return { ok, message, channels };
  }

  /** Tells nobody anything any more; what was not sent yet is on the disk. */
  async end(): Promise<void> {
    await this.#changing;
    const desk = this.#desk;
    this.#desk = undefined;
    clearInterval(desk?.looking);
    await desk?.desk[Symbol.asyncDispose]();
  }
}

/** Keys of what is not well. */
function troublesOf(rows: readonly ServiceRow[], events: Events): Set<string> {
  const keys = new Set<string>();
  for (const { name, state, backends } of rows) {
    // What is paused or in maintenance may be down as well.
    if (state !== "up" && state !== "degraded") keys.add(events.serviceKey(name));
    for (const backend of backends) {
      if (backend.state !== "up") keys.add(events.backendKey(name, backend.url));
    }
  }
  return keys;
}
