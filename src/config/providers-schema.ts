// The schema of `providers`: which daemons and folders are looked at for what runs there, and (in
// `sources-schema.ts`) where operators keep routes. What needs more than one key, or a look at files, is in
// `resolve-providers.ts`.

import * as z from "zod";
import { normaliseHostPattern } from "../lib/host.ts";
import { nearest } from "../lib/nearest.ts";
import { hostPattern, providerName } from "./provider-name.ts";
import { dialects, platformKinds } from "./provider-settings.ts";
import { parseEndpoint } from "./provider-endpoint.ts";
import { filePath, flag, integer, joinFault, key, list, mapping } from "./scalar.ts";
import { mustBe, oneOrMore, parsed } from "./scalar.ts";
import type { Refuse } from "./scalar.ts";
import { regex } from "./path-schema.ts";
import { sourceSchemas } from "./sources-schema.ts";

export const kinds = platformKinds;
export type Kind = (typeof kinds)[number];

const hostName = parsed({ what: "a host name" }, readHost);

function readHost(value: string, refuse: Refuse): string | undefined {
  const host = value.includes("*") ? undefined : normaliseHostPattern(value);
  return host ?? refuse(`${JSON.stringify(value)} is not a host name or address`);
}

const hostPlaceholders = ["name", "project", "role", "hostname"];

const defaultHost = parsed(
  { what: "a host", remedy: 'write "{name}.example.com"' },
  (value, refuse) => {
    const known = hostPlaceholders.map((each) => `{${each}}`).join(", ");
    let count = 0;
    for (const [whole, name = ""] of value.matchAll(/\{([^{}]*)\}/g)) {
      count += 1;
      if (hostPlaceholders.includes(name)) continue;
      const near = nearest(name, hostPlaceholders);
      return refuse(
        `${whole} is not known`,
        near === undefined ? `use ${known}` : `write {${near}}`,
      );
    }
    const filled = value.replaceAll(/\{[^{}]*\}/g, "x");
    const [, host = "", path = ""] = /^([^/]*)(\/.*)?$/s.exec(filled) ?? [];
    if (normaliseHostPattern(host) === undefined || /[\s\p{Cc}?#{}]/u.test(path)) {
      const remedy = "write a host, with or without a path: {name}.example.com";
      return refuse(`${JSON.stringify(value)} is not a host`, remedy);
    }
    if (count > 0) return value;
    return refuse("would be the host of all of them alike", `use one of ${known}`);
  },
);

function common(kind: Kind) {
  const isProject = kind !== "lxc" && kind !== "libvirt";
  const isDocker = kind === "docker" || kind === "podman";
  return {
    name: key(
      providerName,
      "Name of the provider; services found are called `NAME@` and this. Needed where a kind is listed more than once.",
      kind,
    ),
    hosts: key(
      oneOrMore(hostPattern, { what: "a host or a list of hosts" }),
      'Hosts that may be asked for; `"*.example.com"` is every name below. Without it: any.',
    ),
    owner: key(
      z.enum(["project", "instance", "provider"]),
      "Who shares a host name, and is refused it when somebody else has it: all of a project, each one, or all of the provider.",
      isProject ? "project" : "instance",
    ),
    dialects: key(
      list(z.enum(dialects), { what: "a list of dialects", remedy: `of ${dialects.join(", ")}` }),
      "Ways of saying what is routed, in the order they are looked for.",
      isDocker ? [...dialects] : ["tidegate", "hostname"],
    ),
    defaultHost: key(
      defaultHost,
      "Host, with or without a path, of those who ask for none; with {name}, {project}, {role} and {hostname}. Without it: they are not routed.",
    ),
    port: key(
      integer(1, 65_535),
      isDocker
        ? "Where they listen when they do not say so. Without it: their only port."
        : "Where they listen when they do not say so.",
      isDocker ? undefined : 80,
    ),
    mayStart: key(
      flag(),
      "Start those that ask for it when a request comes, and stop them when none does.",
      false,
    ),
  };
}

const endpoint = parsed({ what: "an address" }, parseEndpoint).meta({ title: "address" });

const tls = mapping({
  ca: key(filePath(), "PEM file with the authorities to trust instead of the system's."),
  cert: key(filePath(), "PEM file with our own certificate."),
  key: key(filePath(), "PEM file with its key."),
});

function engine(kind: "docker" | "podman") {
  return mapping({
    ...common(kind),
    endpoint: key(
      endpoint,
      kind === "docker"
        ? "Where the daemon is: `unix:///PATH` or `tcp://HOST:PORT`. Without it: `$DOCKER_HOST`, else `unix:///var/run/docker.sock`."
        : "Where the daemon is: `unix:///PATH` or `tcp://HOST:PORT`.",
      kind === "podman" ? "unix:///run/podman/podman.sock" : undefined,
    ),
    tls: key(tls, "For tcp: speak TLS. `{}` = with the system's authorities."),
    network: key(
      parsed({ what: "the name of a network" }, (value, refuse) =>
        value === "" ? refuse("is empty", "leave it out") : value,
      ),
      "Name of the network to use where a container has several. Without it: the first we share.",
    ),
    publishedHost: key(
      hostName,
      "Host to reach published ports at. Without it: where they are published.",
    ),
    exposedByDefault: key(flag(), "`false`: only who says `tidegate.enable=true`.", true),
  });
}

const rewrite = mapping({
  from: key(hostName, "The name to replace."),
  pattern: key(regex(), "Instead of `from`: a JavaScript regular expression."),
  to: parsed({ what: "a host name" }, (value, refuse) =>
    value === "" ? refuse("is empty") : value,
  ).meta({ description: "What to look up instead; with $1, $2 … of the pattern." }),
});

const byAddress = z.union(
  [
    flag().transform((isOn): ByAddressMapping | undefined => (isOn ? {} : undefined)),
    mapping({
      rewrites: key(
        list(rewrite, { what: "a list of { from, to } or { pattern, to }" }),
        "Changes of the name that is looked up, in this order; the Host header stays.",
      ),
      nameInPathOf: key(
        hostName,
        "On this host the first segment of the path is the name, and is taken away.",
      ),
    }),
  ],
  { error: mustBe({ what: "true, false or { rewrites, nameInPathOf }" }) },
);

export interface ByAddressMapping {
  readonly rewrites?: readonly z.output<typeof rewrite>[] | undefined;
  readonly nameInPathOf?: string | undefined;
}

const lxc = mapping({
  ...common("lxc"),
  paths: key(
    oneOrMore(filePath(), { what: "a path or a list of paths" }),
    "Folders with a folder for each container.",
    ["/var/lib/lxc"],
  ),
  byAddress: key(
    byAddress,
    "Also serve each container by its IPv6 address, as the AAAA record of the requested host has it.",
    false,
  ),
});

function cluster(kind: "incus" | "lxd") {
  return mapping({
    ...common(kind),
    socket: key(
      filePath(),
      kind === "incus"
        ? "The daemon's unix socket."
        : "The daemon's unix socket. Without it: `/var/snap/lxd/common/lxd/unix.socket` or `/var/lib/lxd/unix.socket`.",
      kind === "incus" ? "/var/lib/incus/unix.socket" : undefined,
    ),
    projects: key(
      oneOrMore(
        parsed({ what: "the name of a project" }, (value, refuse) =>
          /^[^/\s?#]{1,63}$/.test(value)
            ? value
            : refuse(`${JSON.stringify(value)} is not the name of a project`),
        ),
        { what: "a project or a list of projects" },
      ),
      "Projects to look at. Without it: all that can be seen.",
    ),
  });
}

const uri = parsed({ what: "a URI of libvirt", remedy: "write qemu:///system" }, (value, refuse) =>
  /^[a-z][a-z0-9+.-]*:\/\/[\x21-\x7e]*$/.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not a URI of libvirt`, "write qemu:///system"),
);

const libvirt = mapping({
  ...common("libvirt"),
  uris: key(
    oneOrMore(uri, { what: "a URI or a list of URIs", remedy: "write [qemu:///system]" }),
    "Hypervisors to ask: `qemu:///system`, `lxc:///system`, …",
    ["qemu:///system"],
  ),
});

/** `true`, one, or a list of them; always a list in the end. */
function several<Item extends z.ZodType>(item: Item, kind: Kind) {
  const expected = {
    what: "true, false, a mapping or a list of mappings",
    remedy: `write ${kind}: true for what is usual`,
  };
  const all = z.array(item, { error: mustBe(expected) }).min(1, joinFault("must not be empty"));
  const switched = flag().transform((isOn) => (isOn ? item.parse({}) : undefined));
  return z.union(
    [
      switched.transform((one) => (one === undefined ? [] : [one])),
      item.transform((one) => [one]),
      all,
    ],
    { error: mustBe(expected) },
  );
}

export const providers = mapping({
  docker: key(several(engine("docker"), "docker"), "Docker Engine. `true` for what is usual."),
  podman: key(several(engine("podman"), "podman"), "Podman's service."),
  lxc: key(several(lxc, "lxc"), "Containers of LXC, by their folders."),
  incus: key(several(cluster("incus"), "incus"), "Containers and virtual machines of Incus."),
  lxd: key(several(cluster("lxd"), "lxd"), "Containers and virtual machines of LXD."),
  libvirt: key(several(libvirt, "libvirt"), "Virtual machines and containers of libvirt."),
  ...sourceSchemas,
});

type All = z.output<typeof providers>;
type Inputs<Name extends Kind> = NonNullable<All[Name]>[number];

export type ProvidersInput = All;
export type EngineInput = Inputs<"docker">;
export type LxcInput = Inputs<"lxc">;
/** What all of them have. */
export type CommonInput = Pick<
  EngineInput,
  "name" | "hosts" | "owner" | "dialects" | "defaultHost" | "port" | "mayStart"
>;
