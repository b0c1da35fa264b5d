// `tidegate middleware new NAME` and `tidegate middleware test`: a middleware of one's own, begun and tried.

import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, writeFileSync } from "node:fs";
import { extname, join, relative, resolve } from "node:path";

/** Writes the middleware and its test. Returns the exit code. */
export function newMiddleware(name: string, folder: string): number {
  if (!/^[a-z][\w-]{0,63}$/i.test(name)) {
    process.stderr.write(
      `tidegate: ${JSON.stringify(name)} cannot be a name: write letters, digits and -\n`,
    );
    return 2;
  }
  const files = { [`${name}.ts`]: middlewareText(name), [`${name}.test.ts`]: testText(name) };
  mkdirSync(folder, { recursive: true });
  for (const [file, text] of Object.entries(files)) {
    const path = join(folder, file);
    try {
      // What somebody wrote is never written over.
      writeFileSync(path, text, { flag: "wx" });
    } catch (error) {
      const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
      const why = isThere ? "is there already" : String(error);
      process.stderr.write(`tidegate: ${path} ${why}\n`);
      return 1;
    }
    process.stdout.write(`wrote ${path}\n`);
  }
  process.stdout.write(`
Try it:      tidegate middleware test --folder ${folder}
Use it:      ownMiddlewares: ${folder}     (in tidegate.yaml, from the folder of that file)
             middlewares: [${name}]        (of a route)
`);
  return 0;
}

/** Runs the tests in the folder. Returns the exit code. @param name undefined = all of them */
export function testMiddlewares(name: string | undefined, folder: string): number {
  const files = globSync(`${name ?? "*"}.test.{ts,js,mts,mjs}`, { cwd: folder });
  if (files.length === 0) {
    const shown = relative(process.cwd(), resolve(folder)) || ".";
    const which = name === undefined ? "no tests" : `no ${name}.test.ts`;
    process.stderr.write(
      `tidegate: ${shown} has ${which}; \`tidegate middleware new NAME\` writes one\n`,
    );
    return 1;
  }
  const hooks = join(
    import.meta.dirname,
    "..",
    "own",
    `test-hooks${extname(import.meta.filename)}`,
  );
  const paths = files.map((file) => join(resolve(folder), file));
  const { status } = spawnSync(process.execPath, ["--import", hooks, "--test", ...paths], {
    stdio: "inherit",
  });
  return status ?? 1;
}

/** Files of this program export by name. */
const exported = "export default";

function middlewareText(name: string): string {
  return `import { defineMiddleware, z } from "tidegate/middleware";

${exported} defineMiddleware({
  // What the configuration may say: \`- ${name}: { greeting: Hello }\`.
  settings: z.strictObject({
    greeting: z.string().default("Hello"),
  }),

  // Called once for each route that uses it, and again when this file or the settings change.
  create({ greeting }, api) {
    return {
      // Before the backend is asked. Return { status, headers, body } to answer instead of it.
      onRequest(request) {
        request.headers.set("X-Greeting", greeting);
        return undefined;
      },

      // Before the answer's head is written.
      onResponse(request, response) {
        response.headers.set("X-Greeted", request.clientIp);
      },

      // When everything is over.
      onDone(request, { status, ms }) {
        if (ms > 1000) api.warn("slow", { path: request.path, status: String(status) });
      },
    };
  },
});
`;
}

function testText(name: string): string {
  return `import assert from "node:assert/strict";
import { test } from "node:test";
import { tryMiddleware } from "tidegate/testing";

test("${name} greets the backend", async () => {
  // A real proxy with this middleware, in front of a real backend.
  await using trial = await tryMiddleware(new URL("${name}.ts", import.meta.url), {
    settings: { greeting: "Hi" },
  });
  const answer = await trial.ask("/some/path");
  assert.equal(answer.status, 200);
  assert.equal(answer.received?.headers["x-greeting"], "Hi");
  assert.equal(answer.headers["x-greeted"], "127.0.0.1");
});
`;
}
