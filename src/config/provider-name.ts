// What every provider may say of itself: its name, and the hosts that may be asked for there.

import { normaliseHostPattern } from "../lib/host.ts";
import { parsed } from "./scalar.ts";

/** Names that other parts of the program go by: in origins, and behind the @ of services. */
const taken = ["store", "file", "default", "route", "listener", "scripts"];

export const providerName = parsed({ what: "a name" }, (value, refuse) => {
  if (taken.includes(value)) return refuse(`${value} is a name of ours`, "choose another");
  return /^[a-z0-9-]{1,63}$/.test(value)
    ? value
    : refuse(`${JSON.stringify(value)} is not a name`, "use a to z, 0 to 9 and -, at most 63");
});

export const hostPattern = parsed({ what: "a host" }, (value, refuse) => {
  const remedy = 'write a name, or "*.NAME" for all below it';
  return normaliseHostPattern(value) ?? refuse(`${JSON.stringify(value)} is not a host`, remedy);
});
