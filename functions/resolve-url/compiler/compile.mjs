// Compiles the Python modules of a folder for Lambda's Python: `node compile.mjs FOLDER PLACE VERSION`. PLACE is the folder of
// the modules in Lambda, VERSION the version of Python there. CPython runs as WebAssembly: all builds of a version have the same
// bytecode.
// https://docs.python.org/3/library/compileall.html
import { loadPyodide } from "pyodide";

const [folder, place, version] = process.argv.slice(2);
const python = await loadPyodide();
const here = python.runPython("import sys; '{}.{}'.format(*sys.version_info)");
if (here !== version) {
  console.error(`This is Python ${here}, ${version} is needed: install another release of pyodide.`);
  process.exit(1);
}
python.mountNodeFS("/modules", folder);
python.globals.set("place", place);
// unchecked-hash: Lambda extracts the files with other timestamps, and the sources do not change there. Modules that cannot be
// compiled get no bytecode.
python.runPython(`
import compileall
from py_compile import PycInvalidationMode

mode = PycInvalidationMode.UNCHECKED_HASH
compileall.compile_dir("/modules", quiet=2, stripdir="/modules", prependdir=place, invalidation_mode=mode)
`);
