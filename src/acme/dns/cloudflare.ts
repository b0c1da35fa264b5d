// Cloudflare by its API (https://developers.cloudflare.com/api/): each record is a thing of its own.

import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { DnsApiSettings } from "../../config/acme-settings.ts";
import { normaliseHostPattern } from "../../lib/host.ts";
import { listAt, textAt } from "../../lib/json.ts";
import { DnsApi } from "./api.ts";
import { type DnsService, quoted, textIn } from "./text-records.ts";

export function cloudflare(settings: DnsApiSettings): DnsService {
  const who = "Cloudflare";
  const rights = "it needs the rights Zone / Zone / Read and Zone / DNS / Edit for the zone";
  const credentials = (token: string) => ({ Authorization: `Bearer ${token}` });
  const api = new DnsApi({ settings, who, credentials, rights });
  const recordsOf = (id: string) => `/zones/${encodeURIComponent(id)}/dns_records`;
  return {
    who,
    advice: "the token may not see it, or it lies with another account",
    async zone(name, signal) {
      const query = new URLSearchParams({ name });
      const { value } = await api.ask("GET", `/zones?${query.toString()}`, signal);
      // Names in other scripts are shown as people write them.
      const found = listAt(value, "result").find(
        (each) => normaliseHostPattern(textAt(each, "name")) === name,
      );
      return found === undefined ? undefined : { id: textAt(found, "id"), name };
    },
    async texts({ id }, name, signal) {
      const query = new URLSearchParams({
        type: "TXT",
        "name.exact": name,
        per_page: String(limits.texts),
      });
      const value = await api.must("GET", `${recordsOf(id)}?${query.toString()}`, signal);
      return listAt(value, "result")
        .filter((each) => textAt(each, "type") === "TXT" && textAt(each, "name") === name)
        .map((each) => ({ value: textIn(textAt(each, "content")), id: textAt(each, "id") }));
    },
    async add({ zone, name }, value, signal) {
      const record = { type: "TXT", name, content: quoted(value), ttl: limits.ttl };
      await api.must("POST", recordsOf(zone.id), signal, record);
    },
    async remove({ zone }, { id }, signal) {
      // Gone already is as good.
      await api.ask("DELETE", `${recordsOf(zone.id)}/${encodeURIComponent(id)}`, signal);
    },
  };
}
