// Where a daemon is asked: unix:///PATH or tcp://HOST:PORT, as Docker's own tools write it.

import { splitHostPort } from "../lib/host.ts";
import type { Endpoint } from "./provider-settings.ts";
import type { Refuse } from "./scalar.ts";

const forms = "write unix:///PATH or tcp://HOST:PORT";

/** Without TLS: that is said apart. */
export function parseEndpoint(text: string, refuse: Refuse): Endpoint | undefined {
  const shown = JSON.stringify(text);
  if (/[\s\p{Cc}]/u.test(text)) return refuse(`${shown} has a space or a control`, forms);
  const [, scheme = "", rest = ""] = /^([a-z]+):\/\/(.*)$/i.exec(text) ?? [];
  switch (scheme.toLowerCase()) {
    case "unix":
      return rest.startsWith("/")
        ? { kind: "unix", path: rest }
        : refuse(`${shown} has no absolute path`, "write unix:///PATH, with three slashes");
    case "tcp":
      return parseTcp(text, rest, refuse);
    case "http":
    case "https":
      return refuse(`${scheme}:// is not how it is written`, `write tcp://${rest}`);
    case "ssh":
      return refuse("ssh:// is not supported", "forward the socket with ssh -L, and name it here");
    default:
      return refuse(
        `${shown} is not an address of a daemon`,
        text.startsWith("/") ? `write unix://${text}` : forms,
      );
  }
}

function parseTcp(text: string, rest: string, refuse: Refuse): Endpoint | undefined {
  const authority = rest.replace(/\/$/, "");
  const found = splitHostPort(authority);
  if (found === undefined) return refuse(`${JSON.stringify(authority)} is not HOST:PORT`, forms);
  const { host, port } = found;
  if (port === undefined || port === 0) {
    const remedy = "Docker's are 2375, and 2376 with TLS";
    return refuse(`${text} has no port`, remedy);
  }
  return { kind: "tcp", host: host.replace(/^\[(.*)\]$/, "$1"), port, tls: undefined };
}
