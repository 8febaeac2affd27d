"""The bill of materials distinguishes deployed components from tools."""

import unittest

import sbom


def node(package, **needed):
    deps = [{"pkg": name, "dep_kinds": [{"kind": kind} for kind in kinds]} for name, kinds in needed.items()]
    return {"id": package, "deps": deps}


class Deployed(unittest.TestCase):
    def test_linked_and_build_dependencies_are_deployed_and_test_dependencies_are_not(self):
        nodes = [
            node("function", linked=[None], built=["build"], tested=["dev"], both=["dev", None]),
            node("linked", deep=[None], function=["dev"]),
            node("tested", deeper=[None]),
            *map(node, ("built", "both", "deep", "deeper", "other")),
        ]
        found = sbom.deployed({"resolve": {"nodes": nodes}}, ["function"])
        self.assertEqual(found, {"function", "linked", "built", "both", "deep"})


if __name__ == "__main__":
    unittest.main()
