// The process in which a foreign configuration is loaded: `foreign-module.ts` starts it. Modules that the
// configuration wants and that are not here any more are empty objects to it.

import { createRequire, registerHooks } from "node:module";
import { dirname, join } from "node:path";
import { importing } from "../config/limits.ts";
import type { Foreign, ForeignAnswer } from "./foreign-module.ts";

const missing = "tidegate-missing:";

function load(path: string): ForeignAnswer {
  const byName = new Map<unknown, string>();
  registerHooks({
    resolve(specifier, context, next) {
      try {
        return next(specifier, context);
      } catch (error) {
        if (specifier === path || !isNotFound(error)) throw error;
        return { url: `${missing}${specifier}`, format: "commonjs", shortCircuit: true };
      }
    },
    load(url, context, next) {
      if (!url.startsWith(missing)) return next(url, context);
      return { format: "commonjs", source: "module.exports = {};", shortCircuit: true };
    },
  });
  const require = createRequire(join(dirname(path), "config.js"));
  try {
    const loaded: unknown = require(path);
    for (const name of ["./lib/lxc", "lxc"]) byName.set(require(name), name);
    return { kind: "loaded", config: asForeign(loaded, { byName, left: importing.values }, 0) };
  } catch (error) {
    // Below the first line Node tells who wanted the module.
    const why = String(error instanceof Error ? error.message : error).split("\n", 1)[0] ?? "";
    return { kind: "failed", why };
  }
}

function isNotFound(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : "";
  return code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND";
}

interface Walk {
  readonly byName: ReadonlyMap<unknown, string>;
  left: number;
}

function asForeign(value: unknown, walk: Walk, depth: number): Foreign {
  walk.left -= 1;
  if (depth > importing.depth || walk.left < 0)
    throw new Error("it is larger or deeper than a configuration");
  const name = walk.byName.get(value);
  if (name !== undefined) return { kind: "module", name };
  if (value instanceof RegExp) return { kind: "pattern", source: value.source, flags: value.flags };
  if (typeof value === "function") return { kind: "function" };
  if (Array.isArray(value)) {
    return { kind: "list", items: value.map((item) => asForeign(item, walk, depth + 1)) };
  }
  if (Buffer.isBuffer(value)) return { kind: "value", value: value.toString("latin1") };
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, item]) => {
      return [key, asForeign(item, walk, depth + 1)] as const;
    });
    return { kind: "mapping", entries };
  }
  if (typeof value === "bigint" || typeof value === "symbol") {
    return { kind: "value", value: String(value) };
  }
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
    return { kind: "value", value };
  }
  return { kind: "value", value: value === null ? null : undefined };
}

// It may have left something behind that keeps the process.
process.send?.(load(process.argv[2] ?? ""), () => process.exit(0));
