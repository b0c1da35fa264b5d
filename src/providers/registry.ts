// Which provider looks after what is configured: one line each.

import type { ProviderSettings } from "../config/provider-settings.ts";
import type { Log } from "../lib/log.ts";
import { dockerDiscoverer } from "./docker/docker.ts";
import { incusDiscoverer } from "./incus/incus.ts";
import { libvirtDiscoverer } from "./libvirt/libvirt.ts";
import { lxcDiscoverer } from "./lxc/lxc.ts";
import type { Discoverer } from "./provider.ts";

export function discovererFor(
  settings: ProviderSettings,
  options: { readonly log: Log },
): Discoverer {
  switch (settings.kind) {
    case "docker":
    case "podman":
      return dockerDiscoverer(settings, options);
    case "lxc":
      return lxcDiscoverer(settings, options);
    case "incus":
    case "lxd":
      return incusDiscoverer(settings, options);
    case "libvirt":
      return libvirtDiscoverer(settings, options);
  }
}
