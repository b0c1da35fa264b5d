// Loads a middleware of somebody's own from its text: TypeScript is stripped of its types by Node. Each version of a file is
// a module of its own, beside the file in name, so that what it imports is found as from there; what it imports from
// beside itself is loaded once.

import { createRequire, registerHooks } from "node:module";
import { basename, dirname, extname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Definition } from "./contract.ts";

const scheme = "tidegate-own:";
const texts = new Map<string, string>();
let areHooked = false;

/** What its files import from us. */
const ours: ReadonlyMap<string, string> = new Map(
  ["tidegate", "middleware", "testing"].map((name) => [
    name === "tidegate" ? name : `tidegate/${name}`,
    new URL(`../library/${name}${extname(import.meta.url)}`, import.meta.url).href,
  ]),
);

/** From now on this process finds them. */
export function hookOwn(): void {
  if (areHooked) return;
  areHooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      const own = ours.get(specifier);
      if (own !== undefined) return { url: own, shortCircuit: true };
      if (!specifier.startsWith(scheme)) return next(specifier, context);
      return { url: specifier.slice(scheme.length), shortCircuit: true };
    },
    load(url, context, next) {
      const source = texts.get(url);
      if (source === undefined) return next(url, context);
      const format = /\.[cm]?ts$/.test(url) ? "module-typescript" : "module";
      return { format, source, shortCircuit: true };
    },
  });
}

/**
 * @param version another one is another module
 * @throws what is wrong with it, as Node or the module says
 */
export function loadOwn(path: string, text: string, version: string): Definition<unknown> {
  hookOwn();
  const extension = extname(path);
  const name = `${basename(path, extension)}@${version.slice(0, 12)}${extension}`;
  const url = pathToFileURL(join(dirname(path), name)).href;
  texts.set(url, text);
  try {
    const loaded: unknown = createRequire(import.meta.url)(`${scheme}${url}`);
    return definitionIn(loaded);
  } finally {
    // It is the loader's now, or nobody's.
    texts.delete(url);
  }
}

function definitionIn(loaded: unknown): Definition<unknown> {
  const made: unknown =
    typeof loaded === "object" && loaded !== null ? Reflect.get(loaded, "default") : undefined;
  if (isDefinition(made)) return made;
  throw new TypeError("it has no default export made by defineMiddleware({ create })");
}

function isDefinition(made: unknown): made is Definition<unknown> {
  if (typeof made !== "object" || made === null) return false;
  const settings: unknown = Reflect.get(made, "settings");
  const canParse =
    settings === undefined ||
    (typeof settings === "object" &&
      settings !== null &&
      typeof Reflect.get(settings, "parse") === "function");
  return typeof Reflect.get(made, "create") === "function" && canParse;
}

/** @throws what its settings say */
export function settingsFor(definition: Definition<unknown>, written: unknown): unknown {
  if (definition.settings !== undefined) return definition.settings.parse(written ?? {});
  const isSaid = written !== undefined && written !== true;
  if (isSaid) throw new TypeError("it takes no settings");
  return undefined;
}
