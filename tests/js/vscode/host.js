// What VS Code has of a notebook, as far as widgets are concerned: its own manager of widgets (the package that the
// Jupyter extension for VS Code loads), RequireJS with the scripts that lie in the kernel's environment, and outputs
// that are drawn on a page of their own. Its theme is a class of the body.

import { KernelManager, ServerConnection } from "@jupyterlab/services";
import { activate } from "@vscode/jupyter-ipywidgets8/dist/ipywidgets.js";

const WIDGET = "application/vnd.jupyter.widget-view+json";
const PICTURE = "image/svg+xml";

/** What shows outputs: the first form of each that it knows. */
class Notebook {
  outputs = new Map();
  views = new Map();

  constructor(kernel) {
    this.kernel = kernel;
    this.manager = new window.vscIPyWidgets.WidgetManager(kernel, undefined, scripts, () => {}, undefined);
    kernel.iopubMessage.connect((_, message) => {
      if (message.header.msg_type !== "update_display_data") return;
      const output = this.outputs.get(message.content.transient.display_id);
      if (output) void this.draw(output, message.content.data);
    });
  }

  /** Run a cell of the notebook: what the kernel sent, by type. */
  async run(id, code) {
    const cell = document.createElement("section");
    cell.id = id;
    document.querySelector("main").append(cell);
    const request = { code, silent: false, stop_on_error: false, allow_stdin: true, store_history: true };
    const metadata = { cellId: `vscode-notebook-cell:/flow.ipynb#${id}` };
    const future = this.kernel.requestExecute(request, false, metadata);
    const sent = [];
    future.onIOPub = ({ header, content }) => {
      sent.push([header.msg_type, content]);
      if (!["display_data", "execute_result"].includes(header.msg_type)) return;
      const output = document.createElement("div");
      cell.append(output);
      this.outputs.set(content.transient?.display_id, output);
      void this.draw(output, content.data);
    };
    await future.done;
    return sent;
  }

  async draw(output, data) {
    this.views.get(output)?.dispose();
    const place = document.createElement("div");
    output.replaceChildren(place);
    if (data[WIDGET] && this.manager.has_model(data[WIDGET].model_id)) {
      place.className = "cell-output-ipywidget-background";
      const view = await this.manager.create_view(await this.manager.get_model(data[WIDGET].model_id), { el: place });
      this.views.set(output, await this.manager.display_view(data[WIDGET], view, { node: place }));
    } else if (data[PICTURE]) {
      place.innerHTML = data[PICTURE];
    } else {
      place.textContent = data["text/plain"] ?? "";
    }
  }
}

/** Where widgets come from that VS Code does not bring: `nbextensions` of the kernel's environment. */
const scripts = {
  widgetsRegisteredInRequireJs: new Set(),
  async loadWidgetScript(name) {
    window.requirejs.config({ paths: { [name]: window.nbextensions[name] } });
    scripts.widgetsRegisteredInRequireJs.add(name);
  },
  successHandler() {},
  errorHandler(...what) { console.error("no such widget", ...what); },
};

/** Open the notebook on a kernel that lives. */
window.connect = async (baseUrl, token, id) => {
  activate();
  window.vscIPyWidgets8.load();
  const serverSettings = ServerConnection.makeSettings({ baseUrl, token, wsUrl: baseUrl.replace("http", "ws") });
  const kernels = new KernelManager({ serverSettings });
  await kernels.ready;
  const kernel = kernels.connectTo({ model: await kernels.findById(id) });
  await kernel.info;
  window.notebook = new Notebook(kernel);
};
