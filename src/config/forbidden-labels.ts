// What labels never say, though the file may: files of the host, and backends of others. Whoever may start a
// container could otherwise read the one and reach the other through us.

import { isGiven, report } from "./context.ts";
import type { Context } from "./context.ts";
import type { Path } from "./problem.ts";
import { dataAt } from "./source.ts";

interface Ban {
  /** Below the item. */
  readonly path: readonly string[];
  readonly why: string;
  readonly remedy: string;
}

const file = {
  why: "a label may not name a file of the host",
  remedy: "leave it out, or say it in the configuration file",
};
const others = {
  why: "a label may not lead to anybody else",
  remedy: "leave it out; the configuration file can lead to NAME@PROVIDER",
};

const premises = ["container", "files", "fastcgi", "scgi", "uwsgi", "preset"] as const;
const misplaced = {
  why: "a label says it of the container's service",
  remedy: "say it of the service",
};

const bans: ReadonlyMap<string, readonly Ban[]> = new Map([
  [
    "routes",
    [
      { path: ["errorPages"], ...file },
      { path: ["errorLog"], ...file },
      // Of a service alone: there it is looked at whose they are.
      ...premises.map((key) => ({ path: [key], ...misplaced })),
      { path: ["accessLog", "path"], ...file },
      { path: ["maintenance", "page"], ...file },
    ],
  ],
  [
    "tcpRoutes",
    [
      {
        path: ["tls", "cert"],
        why: file.why,
        remedy: "write tls: true for the certificates of tls",
      },
      {
        path: ["tls", "key"],
        why: file.why,
        remedy: "write tls: true for the certificates of tls",
      },
    ],
  ],
  [
    "services",
    [
      { path: ["maintenance", "page"], ...file },
      { path: ["tls", "ca"], ...file },
      { path: ["tls", "cert"], ...file },
      { path: ["tls", "key"], ...file },
      { path: ["split"], ...others },
      { path: ["failover"], ...others },
      { path: ["mirror"], ...others },
    ],
  ],
]);

/** true after it reported one. `path` is that of the item. */
export function refuseForbidden(context: Context, value: unknown, path: Path): boolean {
  const [section] = path;
  const own = typeof section === "string" ? (bans.get(section) ?? []) : [];
  let isRefused = false;
  const refuse = (at: readonly string[], message: string, remedy: string) => {
    isRefused = true;
    report(context, [...path, ...at], { message, remedy, at: "key" });
  };
  for (const { path: at, why, remedy } of own) {
    if (isGiven(dataAt(context.source, [...path, ...at]))) refuse(at, why, remedy);
  }
  if (section === "services") return refuseOfOthers(context, value, path) || isRefused;
  const { accessLog, service } = Object.fromEntries(
    typeof value === "object" && value !== null ? Object.entries(value) : [],
  );
  if (typeof accessLog === "string") refuse(["accessLog"], file.why, file.remedy);
  // A name that the caller made is there; any other way to say it would be a backend.
  if (
    service !== undefined &&
    !(typeof service === "string" && context.serviceNames.has(service))
  ) {
    refuse(["service"], others.why, others.remedy);
  }
  return isRefused;
}

/** Files and programs of anybody but the container itself. */
function refuseOfOthers(context: Context, value: unknown, path: Path): boolean {
  const said = Object.fromEntries(
    typeof value === "object" && value !== null ? Object.entries(value) : [],
  );
  const { container } = said;
  const [key] = premises.filter((each) => isGiven(said[each]));
  if (key === undefined) return false;
  if (context.guest === undefined) {
    const message = "says nothing here: its files cannot be reached from this machine";
    const remedy = "leave it out; what listens at its address can be led to";
    report(context, [...path, key], { message, remedy, at: "key" });
    return true;
  }
  if (container === undefined || container === context.guest.name) return false;
  const message = "a label means the container itself, and no other";
  report(context, [...path, "container"], { message, remedy: "leave it out", at: "key" });
  return true;
}
