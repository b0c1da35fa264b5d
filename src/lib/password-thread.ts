// Where passwords are checked: a thread of its own, so that nobody else waits meanwhile. Begun by `password-checker.ts`.

import { parentPort } from "node:worker_threads";
import { isPassword } from "./password-hash.ts";
import type { PasswordQuestion } from "./password-checker.ts";

parentPort?.on("message", ({ id, password, hash }: PasswordQuestion) => {
  const answer = (isRight: boolean | undefined) =>
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    parentPort?.postMessage({ id, isRight });
  // It rejects for want of memory.
  void isPassword(password, hash).then(answer, () => answer(undefined));
});
