// Tells browsers to be careful with answers: whatever the backend does not say itself.

import type { SecurityHeadersUse } from "../config/middlewares/uses/answer.ts";
import type { Middleware } from "./middleware.ts";

export function securityHeaders({ fields: own, remove, override }: SecurityHeadersUse): Middleware {
  const all = own.map(([name, value]) => ({ name, lower: name.toLowerCase(), value }));
  return {
    onResponse(_exchange, { fields }) {
      for (const name of remove) fields.dropNamed(name);
      for (const { name, lower, value } of all) {
        if (override) fields.dropNamed(lower);
        else if (fields.passedOn(lower) !== undefined) continue;
        fields.add(name, value);
      }
    },
  };
}
