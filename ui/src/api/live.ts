// The numbers of the running program, second by second, for whatever part of a page shows them. Followed once for all of
// them, and only while somebody looks.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Measured, MeasuredPoint } from "../../../src/admin/measures.ts";
import { get } from "./client.ts";
import { followEvents, type Following } from "./lines.ts";

export const measured = signal<Measured | undefined>(undefined);
/** The oldest first. */
export const history = signal<readonly MeasuredPoint[]>([]);
/** Why there are no numbers; undefined = there are, or they will come soon. */
export const liveFault = signal<unknown>(undefined);

/** Seconds: as many as the program itself keeps. */
const longest = 600;
const againMs = 3000;
const rows = 100;

let users = 0;
let following: Following | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Have the numbers come as long as this component is there. */
export function useLive(): void {
  useEffect(() => {
    users += 1;
    if (users === 1) begin();
    return () => {
      users -= 1;
      if (users === 0) end();
    };
  }, []);
}

function begin(): void {
  document.addEventListener("visibilitychange", look);
  look();
}

function end(): void {
  document.removeEventListener("visibilitychange", look);
  stop();
}

function stop(): void {
  clearTimeout(timer);
  following?.stop();
  following = undefined;
}

function look(): void {
  stop();
  if (!document.hidden) void start();
}

async function start(): Promise<void> {
  try {
    const now = await get<Measured>(`/v1/measures?limit=${rows}`, { patienceMs: againMs * 3 });
    if (users === 0 || document.hidden || following !== undefined) return;
    liveFault.value = undefined;
    history.value = now.history;
    measured.value = now;
    following = followEvents<Measured>(`/v1/live?limit=${rows}`, "measures", take, (isOver) => {
      if (isOver) again();
    });
  } catch (error) {
    if (users === 0 || document.hidden) return;
    liveFault.value = error;
    again();
  }
}

function again(): void {
  stop();
  if (document.hidden) return; // whoever looks begins it
  timer = setTimeout(() => void start(), againMs);
}

function take(now: Measured): void {
  const last = history.value.at(-1)?.at ?? 0;
  const fresh = now.history.filter(({ at }) => at > last);
  if (fresh.length > 0) history.value = [...history.value, ...fresh].slice(-longest);
  measured.value = now;
}
