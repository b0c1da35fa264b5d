// The schema of `container`: whose own paths the files and sockets of a service are.

import { parsed } from "./scalar.ts";

const form = "write PROVIDER/NAME, such as lxc/blog";

/** Longest name of a container, characters: LXC's own is a folder, which has at most 255 bytes. */
const longestName = 255;

/** `PROVIDER/NAME`; whether there is such a provider is looked at when the service is resolved. */
export const container = parsed({ what: "a container", remedy: form }, (value, refuse) => {
  const slash = value.indexOf("/");
  const shown = JSON.stringify(value);
  if (slash === -1) return refuse(`${shown} does not say where the container is`, form);
  const [provider, name] = [value.slice(0, slash), value.slice(slash + 1)];
  if (!/^[a-z0-9-]{1,63}$/.test(provider)) {
    const remedy = "write the name of one of providers, such as lxc/blog";
    return refuse(`${JSON.stringify(provider)} is not the name of a provider`, remedy);
  }
  const isName = /^[^\s\p{Cc}/\\]+$/u.test(name) && name.length <= longestName;
  if (isName && name !== "." && name !== "..") return value;
  return refuse(`${JSON.stringify(name)} is not the name of a container`, form);
}).meta({ title: "container" });
