// From the tests of routes as they are written to complete ones.

import { type Context, given, report } from "./context.ts";
import { formatPath } from "./problem.ts";
import type { RouteExpectation, RouteTest, TestedRequest } from "./route-test.ts";
import type { RouteTestInput } from "./route-test-schema.ts";

export function resolveRouteTests(
  context: Pick<Context, "source" | "problems">,
  inputs: readonly RouteTestInput[] | undefined,
): readonly RouteTest[] {
  return (inputs ?? []).map((input, index) => {
    const path = ["tests", index];
    const request = requestOf(input.request);
    const { none, ...said } = given(input.expect);
    const keys = Object.keys(said);
    if (none === undefined && keys.length === 0) {
      const remedy = "write route: NAME, or none: true";
      report(context, [...path, "expect"], { message: "nothing is expected", remedy });
    } else if (none !== undefined && keys.some((each) => each !== "status")) {
      const message = `none: true says that no route takes it, and ${keys[0]} that one does`;
      report(context, [...path, "expect"], { message, remedy: "leave one of them out" });
    }
    const { file } = context.source;
    const at = { file, ...context.source.keyAt(path), path: formatPath(path) };
    const name = input.name ?? `${request.method} ${request.url}`;
    const expect: RouteExpectation = none === undefined ? said : { ...said, route: null };
    return { name, at, request, expect };
  });
}

function requestOf(input: RouteTestInput["request"]): TestedRequest {
  const usual = { method: "GET", headers: [], from: null, listener: null };
  const { headers, ...said } = { headers: undefined, ...given(input) };
  return { ...usual, ...said, url: input.url, headers: Object.entries(headers ?? {}) };
}
