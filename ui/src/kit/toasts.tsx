// The corner of the page where toasts are shown.

import { Button } from "./button.tsx";
import { dismiss, toasts } from "./toast.ts";

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, text, tone, action }) => (
        <div key={id} class={`toast ${tone}`}>
          <span>{text}</span>
          {action !== undefined && (
            <Button
              small
              onClick={async () => {
                await action.run();
                dismiss(id);
              }}
            >
              {action.label}
            </Button>
          )}
          <Button kind="quiet" small icon="close" label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
  );
}
