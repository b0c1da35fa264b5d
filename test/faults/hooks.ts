// Hooks of our own in the plans of a route, as if a middleware had brought them.

import { mock } from "node:test";
import type { Plan } from "../../src/proxy/plan.ts";
import { Table } from "../../src/routing/table.ts";

export type Hooks = Partial<Pick<Plan, "requestHooks" | "responseHooks" | "doneHooks">>;

/** Until it is disposed of, every plan that is made of that route gets these hooks. */
export function addHooks(routeName: string, hooks: Hooks): Disposable {
  const { compile } = Table;
  const mocked = mock.method(Table, "compile", ((all, planOf, before) =>
    compile.call(
      Table,
      all,
      (route, known) => {
        const plan = planOf(route, known as never);
        return route.name === routeName ? { ...(plan as Plan), ...hooks } : plan;
      },
      before,
    )) as typeof compile);
  return { [Symbol.dispose]: () => mocked.mock.restore() };
}
