// A secret that was just made, shown this once.

import { Button } from "../kit/button.tsx";
import { Dialog } from "../kit/dialog.tsx";
import { Notice } from "../kit/notice.tsx";
import { toast } from "../kit/toast.ts";
import "../styles/edit.css";

export interface SecretProps {
  readonly title: string;
  readonly about: string;
  readonly secret: string;
  readonly onClose: () => void;
}

export function Secret({ title, about, secret, onClose }: SecretProps) {
  const copy = async () => {
    await navigator.clipboard.writeText(secret);
    toast("It is copied.");
  };
  // There is no clipboard for pages that came in the clear from another machine.
  const canCopy = window.isSecureContext;
  const footer = (
    <Button kind="primary" onClick={onClose}>
      I have it
    </Button>
  );
  return (
    <Dialog title={title} onClose={onClose} footer={footer}>
      <Notice tone="warn">{about} It is not shown again.</Notice>
      <div class="secret">
        <code class="wrap" data-secret>
          {secret}
        </code>
        <span class="push" />
        {canCopy && <Button small icon="copy" label="Copy" onClick={copy} />}
      </div>
    </Dialog>
  );
}
