// The services that a service is made of, by name.

import type { Service } from "./service.ts";

/** Also those whose answers nobody sees; one may stand there twice. */
export function partsOf(service: Service): readonly string[] {
  if (service.kind !== "mirror") return answerersOf(service);
  return [service.service, ...service.copies.map((copy) => copy.service)];
}

/** Those that a client's request may go to. */
export function answerersOf(service: Service): readonly string[] {
  switch (service.kind) {
    case "backends":
      return [];
    case "split":
      return service.parts.map((part) => part.service);
    case "failover":
      return service.services;
    case "mirror":
      return [service.service];
    case "addressed":
      return Object.values(service.members);
  }
}
