// The golden views are what view.js says that it draws: TypeScript compares their shape with its types.
import { mount } from "../../nbflow/static/view.js";
import cancelled from "../wire/cancelled.json";
import failed from "../wire/failed.json";
import retried from "../wire/retried.json";
import reused from "../wire/reused.json";
import running from "../wire/running.json";

type RunView = import("../../nbflow/static/view.js").RunView;

const views: RunView[] = [cancelled, failed, retried, reused, running];

/** What hosts call. */
export function all(element: HTMLElement): void {
  const drawing = mount(element, { actions: ["run", "cancel"], onAction: (_action: string, _step: string | null) => {}, base: null });
  for (const view of views) drawing.update(view);
  drawing.select(null);
  drawing.destroy();
}
