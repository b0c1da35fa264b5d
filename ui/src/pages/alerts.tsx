// Alerts: whether anybody is told when something is down, and a message to try it.

import { useState } from "preact/hooks";
import { ApiProblem, send, sentenceOf } from "../api/client.ts";
import { usePolled } from "../api/polled.ts";
import { mayEdit } from "../api/session.ts";
import { Button } from "../kit/button.tsx";
import { Empty, Failed, Notice } from "../kit/notice.tsx";
import { Card, Page } from "../kit/page.tsx";

interface Tried {
  readonly isGood: boolean;
  readonly text: string;
  /** Channels that did not take it. */
  readonly faults: readonly string[];
}

const example = `alerts:
  email:
    server: smtp://user:password@mail.example.com:587
    from: tidegate@example.com
    to: you@example.com
  ntfy:
    url: https://ntfy.sh/your-topic`;

export function AlertsPage() {
  const { data, error } = usePolled<{ alerts?: boolean }>("/v1/settings", 10_000);
  const [tried, setTried] = useState<Tried | undefined>(undefined);
  const isOn = data?.alerts === true;
  const test = async () => {
    setTried(undefined);
    try {
      const { message } = await send<{ message: string }>("POST", "/v1/alerts/test");
      setTried({ isGood: true, text: message, faults: [] });
    } catch (problem) {
      const faults =
        problem instanceof ApiProblem ? problem.errors.map((each) => each.message) : [];
      setTried({ isGood: false, text: sentenceOf(problem), faults });
    }
  };
  return (
    <Page
      title="Alerts"
      about="Who is told when a backend goes down, a certificate is about to end, errors rise, or a configuration is refused."
      actions={
        mayEdit.value &&
        isOn && (
          <Button icon="alerts" kind="primary" onClick={test}>
            Send a test message
          </Button>
        )
      }
    >
      {data === undefined && error !== undefined && <Failed what="Alerts" error={error} />}
      {tried !== undefined && (
        <Notice tone={tried.isGood ? "good" : "bad"}>
          {tried.text}
          {tried.faults.length > 0 && (
            <ul>
              {tried.faults.map((each) => (
                <li key={each}>{each}</li>
              ))}
            </ul>
          )}
        </Notice>
      )}
      {data !== undefined && isOn && (
        <Card title="Somebody is told">
          <p>
            The configuration names who: addresses, topics and passwords stay there, and are not
            shown here.
          </p>
        </Card>
      )}
      {data !== undefined && !isOn && (
        <>
          <Card>
            <Empty icon="alerts" title="Nobody is told">
              Add channels to the configuration; it is live a moment later.
            </Empty>
          </Card>
          <Card title="For the configuration file">
            <pre tabIndex={0}>{example}</pre>
          </Card>
        </>
      )}
    </Page>
  );
}
