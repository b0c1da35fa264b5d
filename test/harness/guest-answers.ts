// What the program answers for files and sockets of containers, which come and go: asked until it is as expected.

import { ask } from "./ask.ts";
import { eventually } from "./barrier.ts";
import type { Tidegate } from "./tidegate.ts";

const patienceMs = 15_000;

export interface Answered {
  readonly status: number;
  readonly body: string;
}

/** @param place host and path, as in `app.test/page.html` */
export async function get(program: Tidegate, place: string): Promise<Answered> {
  const [name = "", ...path] = place.split("/");
  const headers = { Accept: "application/json" };
  const answer = await ask(program.port(), { name, path: `/${path.join("/")}`, headers });
  return { status: answer.status, body: answer.body.trim() };
}

/** Text of the answer, once it is one with status 200 and fits. */
export async function answered(
  program: Tidegate,
  place: string,
  fits: RegExp | ((text: string) => boolean) = /./,
): Promise<string> {
  const isFine = (text: string) => (fits instanceof RegExp ? fits.test(text) : fits(text));
  const { body } = await until(program, place, (each) => each.status === 200 && isFine(each.body));
  return body;
}

/** Once it is refused so. @param pattern of status and body, with a blank between */
export async function refused(program: Tidegate, place: string, pattern: RegExp): Promise<void> {
  await until(
    program,
    place,
    ({ status, body }) => status >= 400 && pattern.test(`${status} ${body}`),
  );
}

async function until(
  program: Tidegate,
  place: string,
  fits: (answer: Answered) => boolean,
): Promise<Answered> {
  let last: Answered | undefined;
  const probe = async () => {
    last = await get(program, place);
    return fits(last) ? last : undefined;
  };
  return eventually(`the answer of ${place}`, probe, patienceMs).catch((error: unknown) => {
    const log = program.stderr().slice(-2000);
    const seen = JSON.stringify(last);
    throw new Error(`${String(error)}; last: ${seen}\n${log}`, { cause: error });
  });
}
