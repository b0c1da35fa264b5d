// The keys that say how the program runs rather than what it serves: workers, who they run as, and the
// files by which it is found. None of them changes what a client gets.

import * as z from "zod";
import { parseBind } from "./bind.ts";
import { defaultWorkers } from "./limits.ts";
import { durationKey, filePath, flag, key, mapping, mustBe, parsed, sizeKey } from "./scalar.ts";
import { joinFault } from "./scalar.ts";
import type { Refuse } from "./scalar.ts";
import type { Address } from "./snapshot.ts";

const mostWorkers = 1024;

const whatCount = `a whole number from 0 to ${mostWorkers}, or auto`;
const countError = mustBe({ what: whatCount });

const auto = z.enum(["auto"], { error: countError });

const number = z
  .int({ error: countError })
  .min(0, { error: countError })
  .max(mostWorkers, { error: countError });

const workersMapping = mapping({
  count: key(
    z.union([auto, number], { error: countError }),
    "How many; `auto` = one for each CPU core, 0 = everything in a single process.",
    defaultWorkers.count,
  ),
  memoryLimit: sizeKey(
    "Resident memory of one worker beyond which it is replaced, without loss; 0 = no limit.",
    defaultWorkers.memoryLimit,
  ),
  checkInterval: durationKey(
    "How often the memory of each worker is looked at.",
    defaultWorkers.checkInterval,
  ),
  gracefulWait: durationKey(
    "How long a worker that is being replaced may take to finish its requests; 0 = cut at once.",
    defaultWorkers.gracefulWait,
  ),
  tunnelWait: durationKey(
    "How long tunnels of a worker that is being replaced may go on; 0 = cut at once.",
    defaultWorkers.tunnelWait,
  ),
  hangTimeout: durationKey(
    "A worker without a sign of life for so long is killed and replaced; 0 = never.",
    defaultWorkers.hangTimeout,
  ),
  orphanWait: durationKey(
    "How long a process that lost its parent serves on and waits for a successor; 0 = not at all.",
    defaultWorkers.orphanWait,
  ),
});

export type WorkersInput = z.output<typeof workersMapping>;

export const workers = z.union(
  [
    auto.transform((count): WorkersInput => ({ count })),
    number.transform((count): WorkersInput => ({ count })),
    workersMapping,
  ],
  { error: mustBe({ what: `${whatCount}, or a mapping` }) },
);

/** Highest number of a user or group; the one above it means "nobody at all" to the system. */
const mostId = 2 ** 32 - 2;

/** A user or group: the name the system knows, or its number. Whether it exists, only the start knows. */
export function account(what: string) {
  const error = mustBe({ what: `the name or number of a ${what}` });
  return z
    .union([z.string(), z.int({ error }).min(0, { error }).max(mostId, { error })], { error })
    .meta({ title: "name or number" })
    .transform((value, context) => {
      const name = String(value);
      const isNumber = /^\d+$/.test(name);
      if (isNumber ? Number(name) <= mostId : /^[^\s:/\p{Cc}-][^\s:/\p{Cc}]{0,255}$/u.test(name)) {
        return name;
      }
      context.addIssue(joinFault(`${JSON.stringify(name)} is not the name or number of a ${what}`));
      return z.NEVER;
    });
}

/** Where to find the control socket; a relative path starts at the configuration file's folder. */
export const controlSocket = parsed(
  { what: "a path", remedy: "write /run/tidegate/control.sock" },
  (value, refuse) => {
    const path = value.replace(/^unix:/, "");
    if (path === "") return refuse("the path is empty");
    return path.includes("\0") ? refuse("a path cannot contain NUL") : path;
  },
).meta({ title: "path" });

export const pidFile = filePath();

const dockerProxyForms = 'write true for 127.0.0.1:16000, or "127.0.0.1:16000"';

const dockerProxyDefault: Address = { kind: "tcp", host: "127.0.0.1", port: 16_000 };

export const dockerProxyApi = z.union(
  [
    flag().transform((isOn) => (isOn ? dockerProxyDefault : undefined)),
    parsed({ what: "an address", remedy: dockerProxyForms }, parseBind).meta({
      title: "address",
    }),
  ],
  { error: mustBe({ what: "an address, true or false", remedy: dockerProxyForms }) },
);

const proxyEtcForms = 'write true for 127.0.0.1:3333, or "127.0.0.1:3333"';

const proxyEtcDefault: Address = { kind: "tcp", host: "127.0.0.1", port: 3333 };

/** Passwords come in plain text: nowhere else than on this machine. */
function parseOwnBind(text: string, refuse: Refuse): Address | undefined {
  const address = parseBind(text, refuse);
  if (address === undefined) return undefined;
  const isOwn =
    address.kind === "tcp" && (address.host === "::1" || address.host.startsWith("127."));
  return isOwn ? address : refuse("passwords could be read on the way there", proxyEtcForms);
}

export const proxyEtcApi = z.union(
  [
    flag().transform((isOn) => (isOn ? proxyEtcDefault : undefined)),
    parsed({ what: "an address", remedy: proxyEtcForms }, parseOwnBind).meta({ title: "address" }),
  ],
  { error: mustBe({ what: "an address, true or false", remedy: proxyEtcForms }) },
);
