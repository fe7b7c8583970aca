import unittest

from logic import Tally


class Results(unittest.TestCase):
    def test_results_are_counted(self):
        tally = Tally()
        tally.receive(False)
        self.assertTrue(tally.all_failed())
        tally.receive(True)
        self.assertFalse(tally.all_failed())
        self.assertEqual(tally.to_json(), '{"tasks": 2}')


if __name__ == "__main__":
    unittest.main()
