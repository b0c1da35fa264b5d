// What the program says of itself, kept up to date for whatever part of the page wants it.

import { signal } from "@preact/signals";
import type { Status } from "../../../src/admin/operations.ts";
import { get } from "../api/client.ts";

export const status = signal<Status | undefined>(undefined);

const everyMs = 5000;

/** Returns the function that ends it. */
export function watchStatus(): () => void {
  let isAsking = false;
  const ask = async () => {
    if (document.hidden || isAsking) return;
    isAsking = true;
    try {
      status.value = await get<Status>("/v1/status", { patienceMs: everyMs * 3 });
    } catch {
      // The banner says so, or the login is there.
    }
    isAsking = false;
  };
  void ask();
  const timer = setInterval(() => void ask(), everyMs);
  return () => {
    clearInterval(timer);
    status.value = undefined; // whoever logs in next is told anew
  };
}

export function refreshStatus(): void {
  void get<Status>("/v1/status").then(
    (found) => {
      status.value = found;
    },
    () => {}, // the next one comes soon
  );
}
