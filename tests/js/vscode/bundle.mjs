// node bundle.mjs FOLDER: writes host.js there, one module with all that it imports. The packages are those of the
// JupyterLab extension, and so is the bundler.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const labextension = fileURLToPath(new URL("../../../labextension/", import.meta.url));
const { rspack } = createRequire(labextension)("@rspack/core");
const [folder] = process.argv.slice(2);

rspack(
  {
    mode: "development",
    devtool: false,
    entry: fileURLToPath(new URL("host.js", import.meta.url)),
    output: { path: folder, filename: "host.js" },
    resolve: { modules: [`${labextension}node_modules`] },
  },
  (error, stats) => {
    if (error || stats.hasErrors()) {
      console.error(error ?? stats.toString({ all: false, errors: true }));
      process.exitCode = 1;
    }
  },
);
