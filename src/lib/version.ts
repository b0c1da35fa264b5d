// The version of this program, from package.json, which lies beside `src` and beside `dist`.

import { readFileSync } from "node:fs";

export function programVersion(): string {
  const file = new URL("../../package.json", import.meta.url);
  const manifest: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (typeof manifest !== "object" || manifest === null) return "unknown";
  const version: unknown = Reflect.get(manifest, "version");
  return typeof version === "string" ? version : "unknown";
}
