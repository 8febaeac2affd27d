"""check_docs.py finds broken links and anchors, and accepts valid ones."""

import tempfile
import unittest
from pathlib import Path

import check_docs

MAP = "| `get-file` | … |\n| `shared/files-domain` | … |\n"


class Pages(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        self.write("README.md", "# Title\n")
        self.write(check_docs.CODE_MAP, MAP)
        self.write("functions/get-file/Cargo.toml", "")
        self.write("shared/files-domain/Cargo.toml", "")

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def faults(self):
        return check_docs.all_faults(self.root, [path for path in sorted(self.root.rglob("*")) if path.is_file()])

    def test_links_to_files_headings_and_other_sites_are_accepted(self):
        self.write("docs/api.md", "# POST /v1/files with `a` file\n\n## Same\n\n## Same\n\n## [A link](x), and *more*!\n")
        self.write(
            "README.md",
            "[a](docs/api.md#post-v1files-with-a-file) [b](docs/api.md#same-1) [c](#a) [d](https://example.com/#x)\n"
            "[e](docs/) ![image](docs/api.md) [`code` [x]](docs/api.md#same)\n\n# A\n"
            "`[not a link](nowhere)`\n```sh\n# [also none](nowhere)\n```\n",
        )
        faults = self.faults()
        self.assertEqual(faults, ["docs/api.md:7: x: no such file"])

    def test_a_missing_file_and_a_missing_heading_are_found(self):
        self.write("README.md", "# Title\n\n[a](none.md)\n[b](#none) [c](none.md#none)\n[d](../outside)\n")
        self.assertEqual(
            [fault.split(": ", 1)[0] for fault in self.faults()],
            ["README.md:3", "README.md:4", "README.md:4", "README.md:5"],
        )

    def test_a_heading_in_a_code_block_is_ignored(self):
        self.write("README.md", "[a](#comment)\n```sh\n# comment\n```\n")
        self.assertEqual(self.faults(), ["README.md:1: #comment: no such heading"])

    def test_pages_that_sources_name_must_exist(self):
        gone = "/".join(("infra", "docs", "gone.md#part"))
        self.write("x.py", f'# see {check_docs.CODE_MAP}\nPAGE = "{gone}"\n# https://a.example/{gone}\n')
        self.assertEqual(self.faults(), [f"x.py:2: {gone}: no such file"])

    def test_a_long_readme_is_found(self):
        self.write("README.md", "line\n" * (check_docs.README_LINES + 1))
        self.assertEqual(self.faults(), ["README.md: 151 lines, at most 150"])

    def test_the_code_map_must_list_existing_crates(self):
        self.write("shared/new/Cargo.toml", "")
        self.write("functions/new-function/Cargo.toml", "")
        self.write(check_docs.CODE_MAP, MAP + "| `shared/gone` | … |\n")
        self.assertEqual(len(self.faults()), 3, self.faults())

    def test_without_git_generated_folders_are_left_out(self):
        self.write("target/doc.md", "[a](none)\n")
        self.assertEqual(check_docs.all_faults(self.root, check_docs.tracked(self.root)), [])

    def test_the_pages_of_the_repository_are_read(self):
        pages = {str(path.relative_to(check_docs.ROOT)) for path in check_docs.tracked(check_docs.ROOT)}
        self.assertLessEqual({"README.md", check_docs.CODE_MAP, "CONTRIBUTING.md"}, pages)


if __name__ == "__main__":
    unittest.main()
