// What asks for attention: a box, or a panel at the side. The browser keeps the keyboard inside of it and gives it
// back afterwards.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../api/client.ts";
import { Button } from "./button.tsx";
import { Notice } from "./notice.tsx";

export interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** Buttons. */
  readonly footer?: ComponentChildren;
  /** `side`: a panel at the edge, for details. */
  readonly place?: "middle" | "side";
  readonly wide?: boolean;
  readonly onClose: () => void;
}

const firstField = ".inside input:not([type=checkbox]), .inside select, .inside textarea";

/** Shown as long as it is rendered. */
export function Dialog(props: DialogProps) {
  const { title, children, footer, place = "middle", wide = false, onClose } = props;
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog === null) return;
    dialog.showModal();
    // Who has something to fill in begins there; who has not begins at the words, not at the button that closes.
    const first = dialog.querySelector(firstField);
    if (first instanceof HTMLElement) first.focus();
    else dialog.focus();
    return () => dialog.close();
  }, []);
  return (
    <dialog
      ref={ref}
      tabIndex={-1}
      class={`${place === "side" ? "side" : ""} ${wide ? "wide" : ""}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onMouseDown={(event) => {
        if (event.target === ref.current) onClose(); // beside it
      }}
    >
      <div class="dialog">
        <header>
          <h2 id={id} class="ellipsis">
            {title}
          </h2>
          <span class="push" />
          <Button kind="quiet" small icon="close" label="Close" onClick={onClose} />
        </header>
        <div class="inside">{children}</div>
        {footer !== undefined && <footer>{footer}</footer>}
      </div>
    </dialog>
  );
}

export interface Question {
  readonly title: string;
  readonly text: ComponentChildren;
  /** What the button says: a verb. */
  readonly action: string;
  readonly isDanger?: boolean;
  /** The dialog stays until it is done, and shows what it throws. */
  readonly perform: () => Promise<unknown>;
}

const question = signal<Question | undefined>(undefined);

/** Asks before something is done that cannot be taken back. */
export function confirm(asked: Question): void {
  question.value = asked;
}

/** Nobody is left to answer it. */
export function dropQuestion(): void {
  question.value = undefined;
}

export function Confirmation() {
  const asked = question.value;
  return asked === undefined ? null : <Confirm key={asked.title} {...asked} />;
}

function Confirm({ title, text, action, isDanger = false, perform }: Question) {
  const [trouble, setTrouble] = useState<string | undefined>(undefined);
  const close = () => {
    question.value = undefined;
  };
  const run = async () => {
    try {
      await perform();
      close();
    } catch (error) {
      setTrouble(sentenceOf(error));
    }
  };
  const footer = (
    <>
      <Button onClick={close}>Cancel</Button>
      <Button kind={isDanger ? "danger" : "primary"} onClick={run}>
        {action}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={close} footer={footer}>
      <div>{text}</div>
      {trouble !== undefined && <Notice tone="bad">{trouble}</Notice>}
    </Dialog>
  );
}
