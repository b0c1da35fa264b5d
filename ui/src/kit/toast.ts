// What was done or went wrong, in the corner for some seconds; with a way back where there is one.

import { signal } from "@preact/signals";
import { sentenceOf } from "../api/client.ts";

export interface ToastAction {
  readonly label: string;
  readonly run: () => unknown;
}

export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly tone: "good" | "bad";
  readonly action: ToastAction | undefined;
}

/** More would cover the page. */
const most = 4;
const shownMs = { good: 6000, bad: 12_000, action: 15_000 };

export const toasts = signal<readonly Toast[]>([]);
let last = 0;

export function toast(text: string, tone: "good" | "bad" = "good", action?: ToastAction): void {
  last += 1;
  const id = last;
  toasts.value = [...toasts.value, { id, text, tone, action }].slice(-most);
  setTimeout(() => dismiss(id), action === undefined ? shownMs[tone] : shownMs.action);
}

export function toastProblem(error: unknown): void {
  toast(sentenceOf(error), "bad");
}

export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}
