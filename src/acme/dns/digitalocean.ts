// DigitalOcean by its API (https://docs.digitalocean.com/products/networking/dns/reference/api/): each record is a thing of its
// own, asked for by its whole name and made by its name within the zone.

import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { DnsApiSettings } from "../../config/acme-settings.ts";
import { isRecord, listAt, textAt } from "../../lib/json.ts";
import { DnsApi } from "./api.ts";
import { type DnsService, nameWithin, textIn } from "./text-records.ts";

export function digitalOcean(settings: DnsApiSettings): DnsService {
  const who = "DigitalOcean";
  const rights = "it needs to read and write domains (scopes domain:read, :create and :delete)";
  const credentials = (token: string) => ({ Authorization: `Bearer ${token}` });
  const api = new DnsApi({ settings, who, credentials, rights });
  const recordsOf = (id: string) => `/domains/${encodeURIComponent(id)}/records`;
  return {
    who,
    advice: "add it to Networking, Domains there, or see whose the token is",
    async zone(name, signal) {
      const { isThere } = await api.ask("GET", `/domains/${encodeURIComponent(name)}`, signal);
      return isThere ? { id: name, name } : undefined;
    },
    async texts(zone, name, signal) {
      const query = new URLSearchParams({
        type: "TXT",
        name,
        per_page: String(limits.texts),
      });
      const value = await api.must("GET", `${recordsOf(zone.id)}?${query.toString()}`, signal);
      const within = nameWithin(zone, name);
      return listAt(value, "domain_records")
        .filter((each) => textAt(each, "type") === "TXT" && textAt(each, "name") === within)
        .map((each) => ({ value: textIn(textAt(each, "data")), id: idOf(each) }));
    },
    async add({ zone, name }, value, signal) {
      const record = { type: "TXT", name: nameWithin(zone, name), data: value, ttl: limits.ttl };
      await api.must("POST", recordsOf(zone.id), signal, record);
    },
    async remove({ zone }, { id }, signal) {
      // Gone already is as good.
      await api.ask("DELETE", `${recordsOf(zone.id)}/${encodeURIComponent(id)}`, signal);
    },
  };
}

function idOf(record: unknown): string {
  return isRecord(record) && typeof record["id"] === "number" ? String(record["id"]) : "";
}
