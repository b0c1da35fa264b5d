// What went wrong with a daemon, said so that somebody can do something about it.

import type { DockerSettings } from "../../config/provider-settings.ts";

export class EngineError extends Error {
  /** `unreachable`: the whole daemon; `slow` and `rubbish` may be about one container only. */
  readonly kind: "unreachable" | "slow" | "rubbish";

  constructor(kind: EngineError["kind"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.kind = kind;
  }
}

/** `Docker at /var/run/docker.sock` */
export function placeOf({ kind, endpoint }: DockerSettings): string {
  const name = nameOf(kind);
  if (endpoint.kind === "unix") return `${name} at ${endpoint.path}`;
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  return `${name} at tcp://${host}:${endpoint.port}`;
}

/** As people write it. */
export function nameOf(kind: DockerSettings["kind"]): string {
  return kind === "docker" ? "Docker" : "Podman";
}

/** It could not be asked at all, or stopped in the middle of an answer. */
export function unreachable(settings: DockerSettings, cause: unknown): EngineError {
  const error = cause instanceof Error ? cause : new Error(String(cause));
  const code = "code" in error ? String(error.code) : "";
  const text = `cannot ask ${placeOf(settings)}: ${explain(settings, code, error.message)}`;
  return new EngineError("unreachable", text, { cause });
}

export function refused(settings: DockerSettings, status: number, said: string): EngineError {
  const isForbidden = status === 401 || status === 403;
  const remedy = isForbidden
    ? "; whoever stands in front of it must allow GET on /_ping, /events, /containers and /networks"
    : "";
  const words = said === "" ? "" : `: ${said}`;
  const message = `${placeOf(settings)} answered ${status}${words}${remedy}`;
  return new EngineError("rubbish", message);
}

function explain(settings: DockerSettings, code: string, message: string): string {
  const { kind, endpoint } = settings;
  const name = nameOf(kind);
  const { place } = settings;
  switch (code) {
    case "ENOENT":
      return `there is no such socket; start ${name}, or set \`endpoint\` at ${place} to where it is`;
    case "EACCES":
    case "EPERM":
      return kind === "docker"
        ? "permission denied; add the user that runs Tidegate to the group `docker`, or give it a socket that it may use"
        : "permission denied; the socket belongs to another user: let Tidegate's user or group have it, or name that user's own socket";
    case "ECONNREFUSED":
      return `nobody listens there; start ${name}`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `the name of the host is not known; see \`endpoint\` at ${place}`;
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "ETIMEDOUT":
      return "the host cannot be reached; is it up, and is there a way to it?";
    case "ECONNRESET":
      return `it broke off the connection; it may have ended, or expect ${tlsHint(endpoint)}`;
  }
  if (/^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT)/.test(code)) {
    return `its certificate is not trusted (${message}); set \`tls.ca\` at ${place} to the authority that signed it`;
  }
  if (code.startsWith("HPE_")) return `what it sends is not HTTP (${message})`;
  return message;
}

function tlsHint(endpoint: DockerSettings["endpoint"]): string {
  if (endpoint.kind === "unix") return "other clients";
  return endpoint.tls === undefined ? "TLS" : "another client certificate";
}
