// Hetzner by its Cloud API (https://docs.hetzner.cloud/reference/cloud#tag/zones), where its DNS has moved to. It does things a
// little later: a change is an action that is asked about until it has ended.

import { setTimeout as pause } from "node:timers/promises";
import { dnsChangeLimits as limits } from "../../config/acme-limits.ts";
import type { DnsApiSettings } from "../../config/acme-settings.ts";
import { type JsonRecord, listAt, recordAt, textAt } from "../../lib/json.ts";
import { plain } from "../problem.ts";
import { DnsApi } from "./api.ts";
import { type DnsService, nameWithin, quoted, textIn, type Zone } from "./text-records.ts";
import { DnsTrouble } from "./tries.ts";

const who = "Hetzner";

export function hetzner(settings: DnsApiSettings): DnsService {
  const rights = "it has to be of the project that the zone is in, with Read & Write";
  const credentials = (token: string) => ({ Authorization: `Bearer ${token}` });
  const api = new DnsApi({ settings, who, credentials, rights });

  const setOf = (zone: Zone, name: string) =>
    `/zones/${encodeURIComponent(zone.id)}/rrsets/${encodeURIComponent(nameWithin(zone, name))}/TXT`;

  const ended = async (value: unknown, signal: AbortSignal) => {
    let action = recordAt(value, "action");
    while (textAt(action, "status") === "running") {
      await pause(limits.poll, undefined, { signal });
      const path = `/actions/${encodeURIComponent(idOf(action))}`;
      action = recordAt(await api.must("GET", path, signal), "action");
    }
    if (textAt(action, "status") !== "error") return;
    const why = plain(textAt(recordAt(action, "error"), "message"), 300);
    throw new DnsTrouble(`${who} could not change the zone: ${why}`, { isPassing: true });
  };

  return {
    who,
    advice: "the token is of one project, and sees the zones of that project alone",
    async zone(name, signal) {
      const { isThere, value } = await api.ask("GET", `/zones/${encodeURIComponent(name)}`, signal);
      return isThere ? { id: idOf(recordAt(value, "zone")), name } : undefined;
    },
    async texts(zone, name, signal) {
      const { value } = await api.ask("GET", setOf(zone, name), signal);
      return listAt(recordAt(value, "rrset"), "records").map((each) => {
        const id = textAt(each, "value");
        return { value: textIn(id), id };
      });
    },
    async add({ zone, name, known }, value, signal) {
      // Where there are some already theirs stays, and another one is refused.
      const ttl = known.length === 0 ? { ttl: limits.ttl } : {};
      const body = { records: [{ value: quoted(value) }], ...ttl };
      const path = `${setOf(zone, name)}/actions/add_records`;
      await ended(await api.must("POST", path, signal, body), signal);
    },
    async remove({ zone, name }, { id }, signal) {
      const path = `${setOf(zone, name)}/actions/remove_records`;
      const { isThere, value } = await api.ask("POST", path, signal, { records: [{ value: id }] });
      if (isThere) await ended(value, signal);
    },
  };
}

function idOf(thing: JsonRecord): string {
  return typeof thing["id"] === "number" ? String(thing["id"]) : "";
}
