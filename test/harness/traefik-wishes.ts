// Labels of Traefik as tests say them, and what is wished by them in short.

import { defaultClientTimeouts, defaultExchangeTimeouts } from "../../src/config/limits.ts";
import { readDiscovered } from "../../src/config/read-discovered.ts";
import { traefikWishes } from "../../src/providers/labels/traefik.ts";
import type { WishOptions } from "../../src/providers/labels/wish.ts";
import type { Workload } from "../../src/providers/workload.ts";

export type Labels = Readonly<Record<string, string>>;

const plain: Workload = {
  platform: "docker",
  id: "0123456789abcdef",
  name: "shop-web-1",
  project: "shop",
  role: "web",
  hostName: "",
  state: "running",
  health: "none",
  createdAt: 1,
  addresses: [{ ip: "172.18.0.2", network: "shop_default" }],
  exposed: [{ port: 80, protocol: "tcp" }],
  published: [],
  labels: {},
  env: {},
  trouble: undefined,
};

/** Without `traefik.http.` in front, which each label here has. */
export function http(labels: Labels): Labels {
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [`traefik.http.${key}`, value]),
  );
}

export function read(labels: Labels, options: Partial<WishOptions> = {}) {
  return traefikWishes({ ...plain, labels }, { exposedByDefault: true, ...options });
}

/** Routes by name; with the service's name, port and settings where there is one. */
export function routesOf(
  labels: Labels,
  options: Partial<WishOptions> = {},
): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  return Object.fromEntries(
    read(labels, options).wishes.map(({ name, route, service }) => {
      const { port, settings = {} } = service ?? {};
      const leads =
        service === undefined ? {} : { to: `${service.scheme}://${service.name}:${port}` };
      const set = Object.keys(settings).length === 0 ? {} : { settings };
      return [name, { ...route, ...leads, ...set }];
    }),
  );
}

export function notesOf(labels: Labels, options: Partial<WishOptions> = {}): string[] {
  return read(labels, options).notes.map(({ severity, about, message }) => {
    return `${severity} ${about}: ${message}`;
  });
}

/** As the reader of the configuration takes them: nothing may be wrong with what is made here. */
export function problemsOf(labels: Labels, options: Partial<WishOptions> = {}): string[] {
  const { wishes } = read(labels, options);
  const named = (kind: "http" | "tcp") =>
    Object.fromEntries(
      wishes
        .filter((wish) => wish.kind === kind)
        .map(({ name, route, service }) => [
          name,
          service === undefined ? route : { ...route, service: service.name },
        ]),
    );
  const services = wishes.flatMap(({ service }) => {
    return service === undefined
      ? []
      : [[service.name, { backends: [], ...service.settings }] as const];
  });
  const timeouts = { ...defaultClientTimeouts, ...defaultExchangeTimeouts };
  const { problems } = readDiscovered(
    { routes: named("http"), tcpRoutes: named("tcp"), services: Object.fromEntries(services) },
    {
      defaults: { timeouts, maxBody: 0, tcpListeners: ["mysql"] },
      originOf: () => ({ provider: "docker", place: "x" }),
    },
  );
  return problems.map(({ path, message }) => `${path.join(".")}: ${message}`);
}
