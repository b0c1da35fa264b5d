// PowerDNS Authoritative Server by its API (https://doc.powerdns.com/authoritative/http-api/), from 4.0 on. A change replaces all
// records of one name and type, so what stands there is written back, with ours or without.

import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { DnsApiSettings } from "../../config/acme-settings.ts";
import { isRecord, listAt, textAt } from "../../lib/json.ts";
import { DnsApi } from "./api.ts";
import { type DnsService, quoted, type Text, textIn, type Zone } from "./text-records.ts";

interface Written {
  readonly content: string;
  readonly disabled: boolean;
}

// The one server that the authoritative server knows.
const base = "/api/v1/servers/localhost/zones";

export function powerDns(settings: DnsApiSettings): DnsService {
  const who = `PowerDNS at ${settings.url}`;
  const credentials = (token: string) => ({ "X-API-Key": token });
  const rights = "it has to be its api-key";
  const api = new DnsApi({ settings, who, credentials, rights });

  const recordSet = async ({ id }: Zone, name: string, signal: AbortSignal) => {
    // Versions that do not know the filter answer with the whole zone.
    const query = new URLSearchParams({ rrset_name: `${name}.`, rrset_type: "TXT" });
    const value = await api.must(
      "GET",
      `${base}/${encodeURIComponent(id)}?${query.toString()}`,
      signal,
    );
    return listAt(value, "rrsets").find(
      (each) => textAt(each, "type") === "TXT" && textAt(each, "name").toLowerCase() === `${name}.`,
    );
  };

  const replace = async (
    zone: Zone,
    name: string,
    change: (records: readonly Written[]) => readonly Written[],
    signal: AbortSignal,
  ) => {
    const found = await recordSet(zone, name, signal);
    // Of newer versions there is more in it, which is not to be written back.
    const there = listAt(found, "records").map((each) => ({
      content: textAt(each, "content"),
      disabled: isRecord(each) && each["disabled"] === true,
    }));
    const records = change(there);
    const ttl = isRecord(found) && typeof found["ttl"] === "number" ? found["ttl"] : limits.ttl;
    const common = { name: `${name}.`, type: "TXT" };
    const changed =
      records.length === 0
        ? { ...common, changetype: "DELETE" }
        : { ...common, ttl, changetype: "REPLACE", records };
    const body = { rrsets: [changed] };
    await api.must("PATCH", `${base}/${encodeURIComponent(zone.id)}`, signal, body);
  };

  return {
    who,
    advice: "add it there, or see where its names are",
    async zone(name, signal) {
      const query = new URLSearchParams({ zone: `${name}.` });
      const { value } = await api.ask("GET", `${base}?${query.toString()}`, signal);
      const found = (Array.isArray(value) ? value : []).find(
        (each: unknown) => textAt(each, "name").toLowerCase() === `${name}.`,
      );
      return found === undefined ? undefined : { id: textAt(found, "id"), name };
    },
    async texts(zone, name, signal) {
      const found = await recordSet(zone, name, signal);
      return listAt(found, "records").map((each): Text => ({
        value: textIn(textAt(each, "content")),
        id: "",
      }));
    },
    add({ zone, name }, value, signal) {
      const ours = { content: quoted(value), disabled: false };
      return replace(zone, name, (records) => [...records, ours], signal);
    },
    remove({ zone, name }, { value }, signal) {
      const isOther = ({ content }: Written) => textIn(content) !== value;
      return replace(zone, name, (records) => records.filter(isOther), signal);
    },
  };
}
