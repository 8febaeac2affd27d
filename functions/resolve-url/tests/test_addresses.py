"""The address checks match those of shared/safe-fetch."""

import unittest
from pathlib import Path

from addresses import Allowed, is_private_name, is_public

VECTORS = Path(__file__).resolve().parents[3] / "shared/safe-fetch/src/address_vectors.txt"


class Addresses(unittest.TestCase):
    def test_the_shared_vectors(self):
        count = 0
        for line in VECTORS.read_text().splitlines():
            verdict, *addresses = line.split()
            for address in addresses if verdict in ("refused", "public") else ():
                self.assertEqual(is_public(address), verdict == "public", address)
                count += 1
        self.assertGreater(count, 100)

    def test_allowed_hosts_match_any_spelling_and_no_other_host(self):
        allowed = Allowed("127.0.0.1, Media.Example. ,[0:0::1],bücher.example,*.wild.example,10.0.0.0/8")
        for host in ("127.0.0.1", "media.example", "MEDIA.example.", "::1", "xn--bcher-kva.example"):
            self.assertIn(host, allowed)
        for host in ("127.0.0.2", "localhost", "a.media.example", "a.wild.example", "10.0.0.1", "::ffff:127.0.0.1", ""):
            self.assertNotIn(host, allowed)

    def test_private_names(self):
        for name in ("localhost", "a.localhost.", "x.local", "metadata.google.internal", "a.home.arpa"):
            self.assertTrue(is_private_name(name), name)
        for name in ("example.com", "notlocal", "local.example"):
            self.assertFalse(is_private_name(name), name)


if __name__ == "__main__":
    unittest.main()
