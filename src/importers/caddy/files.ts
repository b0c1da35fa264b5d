// Files that a Caddyfile names: relative to where Caddy was started, which is most often the Caddyfile's folder.

import { dirname, resolve } from "node:path";

/** `label` is where it stands: `FILE:LINE`. */
export function absolute(path: string, label: string): string {
  return resolve(dirname(label.replace(/:\d+$/, "")), path);
}
