// Where Hipache listens. `http` is of its last version, in which no address means this machine alone; in `server.port`,
// `server.address` and `server.address6`, and where nothing is said, it means all of them.

import type { Settings } from "../outline.ts";
import { type Draft, fieldOf } from "./draft.ts";
import { listOf, oldPlaces, placeOf, portOf } from "./places.ts";
import { readSecured } from "./secured.ts";

/** `listeners`, and `tls` where there is any. */
export function listeningOf(root: unknown, draft: Draft): Settings {
  const bind = [...new Set(placesOf(root, draft))];
  if (bind.length === 0) {
    draft.note("error", "http.bind", "there is no address to listen on", 'write ["0.0.0.0"]');
  }
  const web = bind.length === 1 ? bind[0] : bind;
  const secured = securedOf(root, draft);
  if (secured === undefined) return { listeners: { web } };
  const { places, tls } = secured;
  const secure = { bind: places.length === 1 ? places[0] : places, tls: true };
  return { listeners: { web, secure }, tls };
}

function securedOf(root: unknown, draft: Draft) {
  const https = fieldOf(root, "https");
  const old = fieldOf(fieldOf(root, "server"), "https");
  const isNew = listOf(fieldOf(https, "bind")).length > 0;
  if (!isNew && (old === undefined || old === null || old === false)) return undefined;
  const path = isNew ? "https" : "server.https";
  return readSecured(isNew ? https : old, { root, path, draft });
}

function placesOf(root: unknown, draft: Draft): string[] {
  const http = fieldOf(root, "http");
  const server = fieldOf(root, "server");
  const isNew = typeof http === "object" && http !== null;
  const port = portOf(fieldOf(isNew ? http : server, "port"), isNew ? "http" : "server", draft);
  if (isNew) {
    const bind = fieldOf(http, "bind") ?? "127.0.0.1";
    return listOf(bind).flatMap((each) => {
      const own = typeof each === "object" ? fieldOf(each, "port") : undefined;
      const address = typeof each === "object" ? fieldOf(each, "address") : each;
      const place = { path: "http.bind", port: portOf(own ?? port, "http.bind", draft) };
      return placeOf(address, place, draft);
    });
  }
  return oldPlaces(server, port, draft);
}
