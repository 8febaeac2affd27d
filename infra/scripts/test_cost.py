"""The cost page is computed from the counted calls and the prices, and its sums are right."""

import copy
import json
import unittest

import cost


class Costs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.counts = json.loads((cost.FOLDER / "counts.json").read_text())
        cls.costs = cost.Costs(cost.Prices(), cost.Stack(), cls.counts)

    def what_if(self, *arguments):
        return cost.total(cost.what_if(self.costs, cost.parser().parse_args(arguments)))

    def test_the_page_is_as_computed(self):
        text = cost.PAGE.read_text(encoding="utf-8")
        self.assertEqual(cost.with_tables(text, self.costs), text)

    def test_a_million_uploads_with_probes_cost_at_most_30_dollars_and_their_posters_5(self):
        self.assertLessEqual(cost.total(self.costs.operation("upload", 1e6)), 30 + 5)

    def test_costs_follow_the_counted_calls(self):
        counts = copy.deepcopy(self.counts)
        counts["upload"]["create-file"]["write_units"] += 8
        counts["upload"]["create-file"]["calls"]["s3.PutObject"] += 1
        more = cost.Costs(self.costs.prices, self.costs.stack, counts)
        difference = cost.total(more.operation("upload", 1e6)) - cost.total(self.costs.operation("upload", 1e6))
        self.assertAlmostEqual(difference, 8 * 0.625 + 5)

    def test_deletions_of_s3_are_free(self):
        counts = copy.deepcopy(self.counts)
        counts["get"]["get-file"]["calls"]["s3.DeleteObject"] = 2
        more = cost.Costs(self.costs.prices, self.costs.stack, counts)
        self.assertEqual(more.operation("get", 1e6), self.costs.operation("get", 1e6))

    def test_prices_by_volume(self):
        tiered = self.costs.prices.tiered
        self.assertAlmostEqual(tiered("s3_gb_month", 50_000), 50_000 * 0.023)
        self.assertAlmostEqual(tiered("s3_gb_month", 1_000_000), 50_000 * 0.023 + 450_000 * 0.022 + 500_000 * 0.021)
        self.assertEqual(tiered("transfer_out_gb", 0), 0)

    def test_a_larger_import_costs_more_parts_and_time(self):
        small, large = self.costs.imports(1, 100), self.costs.imports(1, 1000)
        parts = [next(line.quantity for line in lines if line.price == "s3_put") for lines in (small, large)]
        self.assertEqual(parts, [12 + 2, 120 + 2])
        self.assertGreater(cost.total(large), 7 * cost.total(small))

    def test_a_month_is_the_sum_of_its_operations(self):
        idle = self.what_if("--uploads", "0")
        self.assertAlmostEqual(idle, cost.total(self.costs.idle()))
        self.assertAlmostEqual(self.what_if("--uploads", "1e6") - idle, cost.total(self.costs.operation("upload", 1e6)))
        self.assertAlmostEqual(self.what_if("--kms-key") - idle, 1)
        both = self.what_if("--stored-tb", "1000", "--downloads", "1e6") - idle
        self.assertAlmostEqual(both, cost.total(self.costs.stored(1000)) + cost.total(self.costs.downloads(1e6, 10)))

    def test_each_price_has_a_source_and_the_list_a_date(self):
        prices = self.costs.prices.all
        self.assertRegex(prices["as_of"], r"^20\d\d-\d\d$")
        for one in [*prices["prices"].values(), *prices["tiers"].values()]:
            self.assertTrue(one["source"].startswith("https://aws.amazon.com/"), one)

    def test_each_function_that_is_counted_has_its_memory_in_the_template(self):
        functions = {function for operation in self.counts.values() for function in operation}
        self.assertEqual(functions - self.costs.stack.memory.keys(), set())

    def test_limits_grow_with_the_rate(self):
        for ten, thousand in zip(cost.limits(self.costs, 10), cost.limits(self.costs, 1_000), strict=True):
            self.assertAlmostEqual(thousand.need, 100 * ten.need)
            self.assertLess(ten.need, ten.most, ten.what)


if __name__ == "__main__":
    unittest.main()
