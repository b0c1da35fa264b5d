// Buttons, and links that look like them. One that is at work says so and cannot be pressed again.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { toastProblem } from "./toast.ts";
import { Icon, type IconName } from "./icon.tsx";

export interface ButtonProps {
  readonly children?: ComponentChildren;
  readonly icon?: IconName;
  readonly kind?: "plain" | "primary" | "danger" | "quiet";
  readonly small?: boolean;
  readonly type?: "button" | "submit";
  readonly disabled?: boolean;
  /** Needed where there is only an icon. */
  readonly label?: string;
  readonly title?: string;
  /** What it throws is told in a toast. */
  readonly onClick?: () => unknown;
}

export function Button(props: ButtonProps) {
  const { children, icon, kind = "plain", small = false, type = "button", label, title } = props;
  const [isBusy, setBusy] = useState(false);
  const click = async () => {
    const result = props.onClick?.();
    if (!(result instanceof Promise)) return;
    setBusy(true);
    try {
      await result;
    } catch (error) {
      toastProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const isSquare = children === undefined;
  return (
    <button
      type={type}
      class={`button ${kind} ${small ? "small" : ""} ${isSquare ? "square" : ""}`}
      disabled={props.disabled === true || isBusy}
      aria-busy={isBusy}
      aria-label={label}
      title={title ?? label}
      onClick={() => void click()}
    >
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </button>
  );
}

export interface LinkButtonProps {
  readonly children: ComponentChildren;
  readonly href: string;
  readonly icon?: IconName;
  readonly kind?: "plain" | "primary" | "quiet";
}

export function LinkButton({ children, href, icon, kind = "plain" }: LinkButtonProps) {
  return (
    <a class={`button ${kind}`} href={href}>
      {icon !== undefined && <Icon name={icon} />}
      {children}
    </a>
  );
}
