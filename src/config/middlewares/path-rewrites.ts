// Settings of those that change the path: the same as a route's keys of these names.

import {
  path as pathSchema,
  replacePath as replacePathSchema,
  replacePrefix as replacePrefixSchema,
  stripPrefix as stripPrefixSchema,
} from "../path-schema.ts";
import { addPrefixOf, replacePathOf, replacePrefixOf, stripPrefixOf } from "../resolve-rewrites.ts";
import { define, places } from "./definition.ts";

export const stripPrefix = define({
  kind: "stripPrefix",
  summary: "Takes a prefix from the path: `true` = the route's own `path`.",
  settings: stripPrefixSchema,
  place: places.rewrite + 1,
  resolve: (settings, context, path) => stripPrefixOf(context, settings, path),
});

export const replacePrefix = define({
  kind: "replacePrefix",
  summary: "Puts another prefix in the place of one, or of the route's own `path`.",
  settings: replacePrefixSchema,
  place: places.rewrite + 2,
  resolve: (settings, context, path) => replacePrefixOf(context, settings, path),
});

export const replacePath = define({
  kind: "replacePath",
  summary: "Replaces what a regular expression matches in the path.",
  settings: replacePathSchema,
  place: places.rewrite + 3,
  resolve: (settings) => replacePathOf(settings),
  patterns: ({ pattern }) => [{ pattern, flags: "" }],
});

export const addPrefix = define({
  kind: "addPrefix",
  summary: "Puts a prefix in front of the path.",
  settings: pathSchema(),
  place: places.rewrite + 4,
  resolve: (settings) => addPrefixOf(settings),
});
