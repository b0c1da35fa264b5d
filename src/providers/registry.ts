// Which provider looks after what is configured: one line each.

import type { PlatformSettings } from "../config/provider-settings.ts";
import type { Log } from "../lib/log.ts";
import { dockerDiscoverer } from "./docker/docker.ts";
import { incusDiscoverer } from "./incus/incus.ts";
import { libvirtDiscoverer } from "./libvirt/libvirt.ts";
import { lxcDiscoverer } from "./lxc/lxc.ts";
import type { SourceSettings } from "../config/source-settings.ts";
import { etcdSource } from "./etcd/etcd.ts";
import { hipacheSource } from "./hipache/hipache.ts";
import { httpSource } from "./http/http.ts";
import { redisSource } from "./redis/redis.ts";
import type { Discoverer, Source } from "./provider.ts";

export function discovererFor(
  settings: PlatformSettings,
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

export function sourceFor(settings: SourceSettings, options: { readonly log: Log }): Source {
  switch (settings.kind) {
    case "redis":
      return redisSource(settings, options);
    case "hipache":
      return hipacheSource(settings, options);
    case "etcd":
      return etcdSource(settings, options);
    case "http":
      return httpSource(settings, options);
  }
}
