// Of a key that is unknown where it stands, and would be understood one step in or out: where it belongs.

import { filesMapping } from "./files-schema.ts";
import { gatewayKeys } from "./gateway-schema.ts";
import { routeMapping } from "./route-schema.ts";
import { serviceMapping } from "./service-schema.ts";

/** What to do instead; undefined = it is none of those. @param known what may be said in the place of `name` */
export function placeOfKey(name: string, known: readonly string[]): string | undefined {
  const isOf = (keys: object) => Object.hasOwn(keys, name);
  const isRoute = known.includes("service") && known.includes("files");
  const isService = known.includes("backends") && known.includes("files");
  if (isRoute && isOf(serviceMapping.shape)) {
    return `it is of a service: write service: { ${name}: … }, with where requests go in there, too`;
  }
  if (isService && isOf(routeMapping.shape)) return "it is of a route: write it there";
  if (isRoute || isService) {
    if (isOf(filesMapping.shape)) return `write it below files: files: { ${name}: … }`;
    return isOf(gatewayKeys) ? `write it below fastcgi: fastcgi: { ${name}: … }` : undefined;
  }
  const isWithin = known.includes("precompressed") || known.includes("multiplex");
  if (!isWithin || !(isOf(routeMapping.shape) || isOf(serviceMapping.shape))) return undefined;
  return `write it beside ${known.includes("precompressed") ? "files" : "fastcgi"}, not below it`;
}
