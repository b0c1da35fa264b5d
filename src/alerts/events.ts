// What happens in the program, as alerts: one function for each kind of event, with its key and its words.

import type { Alert } from "./alert.ts";
import { withoutUser } from "./redact.ts";

export interface BackendEvent {
  readonly service: string;
  /** The backend's URL. */
  readonly backend: string;
  readonly isUp: boolean;
  readonly why: string;
  readonly at: number;
}

export function backendKey(service: string, backend: string): string {
  return `backend ${service} ${backend}`;
}

export function backendAlert({ service, backend, isUp, why, at }: BackendEvent): Alert {
  return {
    topic: "backend",
    key: backendKey(service, backend),
    state: isUp ? "cleared" : "raised",
    title: `${service}: ${shortName(backend)} is ${isUp ? "up again" : "down"}`,
    text: withoutUser(why),
    at,
  };
}

/** `tcp://10.0.3.11:3306` → `10.0.3.11:3306`. */
function shortName(url: string): string {
  return withoutUser(url).replace(/^(https?|h2c|grpcs?|tcp|tls|udp):\/\//, "");
}

export interface ServiceEvent {
  readonly service: string;
  /** At least one backend is. */
  readonly isUp: boolean;
  readonly why: string;
  readonly at: number;
}

export function serviceKey(service: string): string {
  return `service ${service}`;
}

export function serviceAlert({ service, isUp, why, at }: ServiceEvent): Alert {
  return {
    topic: "service",
    key: serviceKey(service),
    state: isUp ? "cleared" : "raised",
    title: isUp ? `${service} is up again` : `${service} is down: no backend is left`,
    text: withoutUser(why),
    at,
  };
}

/** @param problems as `tidegate check` prints them */
export function configurationRefused(problems: readonly string[], at: number): Alert {
  const first = problems.slice(0, 10);
  const more = problems.length - first.length;
  const rest = more === 0 ? [] : [`… and ${more} more; \`tidegate check\` shows them all`];
  return {
    topic: "configuration",
    key: "configuration",
    state: "raised",
    title: "the configuration has errors and was not put into force",
    text: [...first.map(withoutUser), ...rest, "The last good one stays in force."].join("\n"),
    at,
  };
}

export function configurationAccepted(at: number): Alert {
  return {
    topic: "configuration",
    key: "configuration",
    state: "cleared",
    title: "the configuration is in force again as it is written",
    text: "",
    at,
  };
}

/** One that is over: nothing is left to do but to look why. */
export function changeTakenBack(message: string, at: number): Alert {
  return {
    topic: "configuration",
    key: "taken back",
    state: "note",
    title: "a change made requests fail and was taken back",
    text: withoutUser(message),
    at,
  };
}

export interface WorkerEvent {
  readonly slot: number;
  readonly pid: number;
  /** A sentence: `died: SIGSEGV`, `is replaced: it has 1.2GiB, and the limit is 1GiB`. */
  readonly what: string;
  readonly at: number;
}

/** Its replacement is there already, or on its way: nothing that could be over later. */
export function workerAlert({ slot, pid, what, at }: WorkerEvent): Alert {
  return {
    topic: "worker",
    key: `worker ${slot}`,
    state: "note",
    title: `worker ${slot} ${what}`,
    text: `It was process ${pid}. Another one takes its place.`,
    at,
  };
}

export function errorsKey(service: string): string {
  return `errors ${service}`;
}

export interface ErrorsEvent {
  readonly service: string;
  readonly isRaised: boolean;
  readonly text: string;
  readonly at: number;
}

export function errorsAlert({ service, isRaised, text, at }: ErrorsEvent): Alert {
  return {
    topic: "errors",
    key: errorsKey(service),
    state: isRaised ? "raised" : "cleared",
    title: isRaised ? `${service}: too many requests fail` : `${service}: few requests fail again`,
    text,
    at,
  };
}

export interface CertificateEvent {
  readonly names: readonly string[];
  readonly state: string;
  readonly why: string;
  readonly source: string;
  /** ISO 8601 */
  readonly until: string | undefined;
}

const certificateTroubles: ReadonlyMap<string, string> = new Map([
  ["expires soon", "expires soon"],
  ["expired", "has expired"],
  ["unusable", "cannot be used"],
  ["waiting", "could not be had"],
]);

/** Each state is a matter of its own, or that it expired would not be told after that it will. */
export function certificateAlert(event: CertificateEvent, at: number): Alert | undefined {
  const { names, state, why, source, until } = event;
  const trouble = certificateTroubles.get(state);
  if (trouble === undefined) return undefined;
  const [name = `in ${source}`, ...others] = names;
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  const end = until === undefined ? [] : [`It is good until ${until}.`];
  return {
    topic: "certificate",
    key: `${certificateKey}${state} ${source}`,
    state: "raised",
    title: `the certificate ${names.length === 0 ? "" : "for "}${name}${more} ${trouble}`,
    text: [`${source}: ${why}.`, ...end].join("\n"),
    at,
  };
}

const certificateKey = "certificate ";

/** Whether it is one of `certificateAlert`. */
export function isOfCertificate({ topic, key }: Alert): boolean {
  return topic === "certificate" && key.startsWith(certificateKey);
}

/** What was open and is not any more, though nobody saw it end: the program was restarted in between. */
export function overBy(alert: Alert, text: string, at: number): Alert {
  const title = `over: ${alert.title}`;
  return { ...alert, state: "cleared", title, text, at };
}
