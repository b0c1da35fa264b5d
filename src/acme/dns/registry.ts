// Everybody who can change the DNS for us, by their names in the configuration.

import type { DnsApiSettings, DnsProviderSettings } from "../../config/acme-settings.ts";
import { cloudflare } from "./cloudflare.ts";
import { digitalOcean } from "./digitalocean.ts";
import { hetzner } from "./hetzner.ts";
import { hookProvider } from "./hook.ts";
import { powerDns } from "./powerdns.ts";
import { type DnsProvider, oneByOne } from "./provider.ts";
import { updateProvider } from "./rfc2136.ts";
import { apiProvider } from "./text-records.ts";

export function dnsProviderOf(settings: DnsProviderSettings): DnsProvider {
  return oneByOne(providerOf(settings));
}

function providerOf(settings: DnsProviderSettings): DnsProvider {
  switch (settings.kind) {
    case "hook":
      return hookProvider(settings);
    case "rfc2136":
      return updateProvider(settings);
    default:
      return apiProvider(serviceOf(settings));
  }
}

function serviceOf(settings: DnsApiSettings) {
  switch (settings.kind) {
    case "powerdns":
      return powerDns(settings);
    case "cloudflare":
      return cloudflare(settings);
    case "hetzner":
      return hetzner(settings);
    case "digitalocean":
      return digitalOcean(settings);
  }
}
