// What things are called: tenants, and routes and services in the snapshot. Two that would get one name by
// accident get different ones, the older the plain one.

import { addressedName } from "../../config/provider-settings.ts";
import type { DiscoverySettings } from "../../config/provider-settings.ts";
import type { Workload } from "../workload.ts";

/** Within it, those who say the same name of a service mean the same service. */
export interface Scope {
  readonly key: string;
  readonly tenant: string;
  readonly project: string | undefined;
}

export function scopeOf(workload: Workload, settings: DiscoverySettings): Scope {
  const tenant = tenantOf(workload, settings);
  const { project } = workload;
  return { key: JSON.stringify([tenant, project]), tenant, project };
}

function tenantOf(workload: Workload, { owner, name: provider }: DiscoverySettings): string {
  const { project, name, role } = workload;
  switch (owner) {
    case "project":
      if (project === undefined) return `containers without a project of ${provider}`;
      return `project ${project} of ${provider}`;
    case "instance":
      return `${project === undefined ? name : `${project}/${role ?? name}`} of ${provider}`;
    case "provider":
      return provider;
  }
}

/** What it is called where it says nothing: several of one role share it. */
export function ownName({ role, name }: Workload): string {
  return role ?? name;
}

const nouns = {
  docker: "docker container",
  podman: "podman container",
  lxc: "lxc container",
  incus: "incus instance",
  lxd: "lxd instance",
  libvirt: "libvirt virtual machine",
} as const satisfies Record<Workload["platform"], string>;

/** As a message names it: `docker container web1`. */
export function placeOf({ platform, name }: Workload): string {
  return `${nouns[platform]} ${name}`;
}

/** As the platform's own tools show it; "" where the name is all there is. */
export function shortIdOf({ platform, id, name }: Workload): string {
  if (platform === "docker" || platform === "podman") return id.slice(0, 12);
  return id === name ? "" : id;
}

const longestPart = 100;

function part(text: string): string {
  return text.replaceAll(/[^A-Za-z0-9_.-]/g, "-").slice(0, longestPart) || "-";
}

/** Hands out names `PROJECT/NAME@PROVIDER`. Ask for the older first. */
export class Names {
  readonly #provider: string;
  readonly #taken: Set<string>;

  constructor(provider: string) {
    this.#provider = provider;
    // A container of this name would be found in the place of the service that leads to it.
    this.#taken = new Set([addressedName(provider)]);
  }

  take(project: string | undefined, name: string, workload: Workload): string {
    const wanted = `${project === undefined ? "" : `${part(project)}/`}${part(name)}`;
    const suffix = part(shortIdOf(workload) || workload.name);
    let found = `${wanted}@${this.#provider}`;
    for (let count = 1; this.#taken.has(found); count += 1) {
      found = `${wanted}-${suffix}${count === 1 ? "" : `-${count}`}@${this.#provider}`;
    }
    this.#taken.add(found);
    return found;
  }
}
