// Compiles the Python modules of a folder as Lambda's Python would: `node compile.mjs FOLDER PLACE VERSION`. PLACE is where they
// will lie, VERSION the Python they are for. CPython runs as WebAssembly: its bytecode is that of every other build of the version.
// https://docs.python.org/3/library/compileall.html
import { loadPyodide } from "pyodide";

const [folder, place, version] = process.argv.slice(2);
const python = await loadPyodide();
const here = python.runPython("import sys; '{}.{}'.format(*sys.version_info)");
if (here !== version) {
  console.error(`This is Python ${here}, ${version} is needed: take another pyodide.`);
  process.exit(1);
}
python.mountNodeFS("/modules", folder);
python.globals.set("place", place);
// unchecked-hash: Lambda unpacks with other times than those of now, and nobody changes a source there. What cannot be compiled
// is missing afterwards.
python.runPython(`
import compileall
from py_compile import PycInvalidationMode

mode = PycInvalidationMode.UNCHECKED_HASH
compileall.compile_dir("/modules", quiet=2, stripdir="/modules", prependdir=place, invalidation_mode=mode)
`);
