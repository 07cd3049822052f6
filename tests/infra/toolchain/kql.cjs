// Reads queries with Kusto's own parser and the tables they may use.
//   node kql.cjs FOLDER_OF_MODULES < {"tables": {name: schema}, "queries": {name: text}}
// prints {name: {"faults": [...], "columns": [...]}}: faults are empty for a sound query.
const { readFileSync } = require("node:fs");
const path = require("node:path");
const vm = require("node:vm");

const library = path.join(process.argv[2], "@kusto", "language-service-next");
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(readFileSync(path.join(library, file), "utf8"), file);
}
const { tables, queries } = JSON.parse(readFileSync(0, "utf8"));
const { Symbols, GlobalState, KustoCode } = Kusto.Language;
const symbols = Object.entries(tables).map(([name, schema]) => new Symbols.TableSymbol.$ctor7(name, schema, null));
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("workspace", symbols));

function list(items, type) {
  return Array.from({ length: System.Array.getCount(items, type) }, (_, index) => System.Array.getItem(items, index, type));
}

const answers = {};
for (const [name, text] of Object.entries(queries)) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const columns = code.ResultType && code.ResultType.Columns ? list(code.ResultType.Columns, Symbols.ColumnSymbol) : [];
  answers[name] = {
    faults: list(code.GetDiagnostics(), Kusto.Language.Diagnostic).map((fault) => fault.Message),
    columns: columns.map((column) => column.Name),
  };
}
console.log(JSON.stringify(answers));
