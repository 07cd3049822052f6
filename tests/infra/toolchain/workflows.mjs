// Reads workflows with GitHub's own language service.
//   node workflows.mjs FOLDER_OF_MODULES FILE...   prints {file: ["line: fault", ...]}
// The library imports JSON without saying so, which Node refuses: the loader below hands such files over as modules.
import { readFile } from "node:fs/promises";
import { createRequire, register } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

register(
  "data:text/javascript," +
    encodeURIComponent(`import { readFile } from "node:fs/promises";
    export async function load(url, context, next) {
      if (!url.endsWith(".json")) return next(url, context);
      return { format: "module", shortCircuit: true, source: "export default " + await readFile(new URL(url), "utf8") };
    }`),
);

const [folder, ...files] = process.argv.slice(2);
const base = pathToFileURL(path.join(path.resolve(folder), "package.json"));
const { TextDocument } = createRequire(base)("vscode-languageserver-textdocument");
const service = path.join(path.resolve(folder), "@actions", "languageservice", "dist", "index.js");
const { validate } = await import(pathToFileURL(service));

const answers = {};
for (const file of files) {
  const document = TextDocument.create(pathToFileURL(file).href, "yaml", 1, await readFile(file, "utf8"));
  const faults = await validate(document);
  answers[file] = faults.map((fault) => `${fault.range.start.line + 1}: ${fault.message}`);
}
console.log(JSON.stringify(answers));
