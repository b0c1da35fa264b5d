// Middlewares of our own in the plans of a route, as if the configuration had named them.

import { mock } from "node:test";
import { Chain } from "../../src/proxy/chain.ts";
import type { Middleware } from "../../src/middlewares/middleware.ts";
import type { Plan } from "../../src/proxy/plan.ts";
import { Table } from "../../src/routing/table.ts";

/** Until it is disposed of, every plan that is made of that route gets these. */
export function addMiddlewares(
  routeName: string,
  middlewares: readonly Middleware[],
  problems: (message: string, fields?: Readonly<Record<string, string>>) => void = () => {},
): Disposable {
  const { compile } = Table;
  const links = middlewares.map((middleware) => ({ kind: "test", middleware }));
  const mocked = mock.method(Table, "compile", ((all, planOf, before) =>
    compile.call(
      Table,
      all,
      (route, known) => {
        const plan = planOf(route, known as never);
        if (route.name !== routeName) return plan;
        return { ...(plan as Plan), chain: new Chain(routeName, links, problems) };
      },
      before,
    )) as typeof compile);
  return { [Symbol.dispose]: () => mocked.mock.restore() };
}
