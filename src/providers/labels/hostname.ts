// Docker Proxy's rule: what calls itself `shop.example.com` is reached at that name, without another word.
// `www.` stands for both names, `*.name` for the name and all below. Those of one name are balanced.
//
// Docker of that time split a host name at its first dot and Docker Proxy put `.internal` behind what had no
// domain; today's Docker keeps `api.example.com` whole, so only a name without a dot gets it.

import type { Workload } from "../workload.ts";
import { plainService } from "./default-host.ts";
import { warning } from "./note.ts";
import type { Note } from "../../config/finding.ts";
import type { Wish, WishOptions, Wishes, WishReader } from "./wish.ts";

const nothing: Wishes = { wishes: [], notes: [], isRefused: false };

export const hostnameWishes: WishReader = (workload: Workload, options: WishOptions): Wishes => {
  if (!options.exposedByDefault) return nothing;
  const isContainer = workload.platform === "docker" || workload.platform === "podman";
  if (!isContainer) {
    const name = [workload.hostName, workload.name].find((each) => each.includes("."));
    return name === undefined ? nothing : wishesFor(name, undefined, []);
  }
  const published = workload.published.filter(({ protocol }) => protocol === "tcp");
  const ports = [...new Set(published.map(({ port }) => port))].toSorted((a, b) => a - b);
  if (ports.length === 0) return nothing;
  const port = ports.find((each) => usualPorts.has(each)) ?? ports[0];
  const others = ports.filter((each) => each !== port);
  const notes =
    others.length === 0
      ? []
      : [
          warning(
            "",
            `publishes ${ports.join(", ")}, and ${port} is used; ${others.join(", ")} is not`,
            "use the labels tidegate.host and tidegate.port, or tidegate.routes.NAME for several",
          ),
        ];
  return wishesFor(nameOf(workload), port, notes);
};

/** Where web servers listen; the lowest that is published. */
const usualPorts = new Set([80, 3000, 5000, 8000, 8080]);

function nameOf({ hostName, name }: Workload): string {
  if (hostName === "") return name;
  return hostName.includes(".") || hostName === "internal" ? hostName : `${hostName}.internal`;
}

function wishesFor(written: string, port: number | undefined, notes: readonly Note[]): Wishes {
  const name = written.toLowerCase().replace(/\.$/, "");
  const bare = name.replace(/^(\*\.|www\.)/, "");
  const isWhole = bare === name || bare === "";
  const hosts = isWhole ? [name] : [bare, name];
  return {
    wishes: hosts.map((host) => wishFor(host, isWhole ? name : bare, port)),
    notes,
    isRefused: false,
  };
}

function wishFor(host: string, service: string, port: number | undefined): Wish {
  return {
    dialect: "hostname",
    kind: "http",
    name: host.replace(/^\*\./, "wildcard."),
    route: { host },
    service: { ...plainService, name: service, port },
    labels: new Map(),
  };
}
