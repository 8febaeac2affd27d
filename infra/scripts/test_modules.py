"""check_modules.py reads the dependencies of modules, and finds cycles."""

import unittest

from check_modules import Crate, code_of, paths_of


def crate(**texts):
    return Crate({tuple(name.split("__")) if name != "root" else (): text for name, text in {"root": "", **texts}.items()})


class Modules(unittest.TestCase):
    def test_a_use_tree_yields_all_of_its_paths(self):
        self.assertEqual(
            paths_of("crate::{a::{B, c as d}, e, f::*}"),
            [("crate", "a", "B"), ("crate", "a", "c"), ("crate", "e"), ("crate", "f")],
        )

    def test_comments_strings_and_tests_are_removed(self):
        text = "// crate::a\n/* crate::b */ let x = \"crate::c\" + '\"' + r#\"crate::d\"#;\n#[cfg(test)]\nmod tests { use crate::e::{F}; }\nfn g() {}"
        self.assertNotIn("crate", code_of(text))
        self.assertIn("fn g()", code_of(text))

    def test_siblings_that_use_each_other_are_a_cycle(self):
        for uses in ("use crate::a::X;", "use crate::{b, a::X};", "fn f() { crate::a::f() }", "use super::a;"):
            with self.subTest(uses):
                self.assertEqual(crate(a="use crate::b::Y;", b=uses).cycles(), [[("a",), ("b",)]])

    def test_a_cycle_of_three_modules_is_found(self):
        found = crate(a="use crate::b;", b="use crate::c;", c="use crate::a;", d="use crate::a;").cycles()
        self.assertEqual(found, [[("a",), ("b",), ("c",)]])

    def test_dependencies_in_one_direction_are_no_cycle(self):
        self.assertEqual(crate(a="use crate::b;", b="", c="use crate::{a, b};").cycles(), [])

    def test_a_reexported_item_belongs_to_its_module(self):
        found = crate(root="pub use a::{X, Y};", a="use crate::b;", b="use crate::Y;").cycles()
        self.assertEqual(found, [[("a",), ("b",)]])

    def test_items_of_ancestors_may_be_used(self):
        self.assertEqual(crate(root="mod a; struct X; use crate::a::Y;", a="use crate::X;").cycles(), [])
        self.assertEqual(crate(a="use b::C;", a__b="use super::X;").cycles(), [])

    def test_a_dependency_of_a_descendant_counts_for_its_ancestor(self):
        found = crate(a="", a__c="use crate::b;", b="use crate::a::c;").cycles()
        self.assertEqual(found, [[("a",), ("b",)]])

    def test_a_cycle_of_nested_siblings_is_found(self):
        found = crate(a="", a__b="use super::c;", a__c="use crate::a::b::X;").cycles()
        self.assertEqual(found, [[("a", "b"), ("a", "c")]])


if __name__ == "__main__":
    unittest.main()
