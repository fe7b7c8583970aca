import unittest
from array import array

from arguments import Invalid
from logic import clip, limit


class Clip(unittest.TestCase):
    def test_values_beyond_the_limit_are_clipped(self):
        clipped, count = clip(array("f", [0.5, -3.0, 2.0, 1.0]).tobytes(), 1.0)
        self.assertEqual((list(array("f", clipped)), count), ([0.5, -1.0, 1.0, 1.0], 2))

    def test_a_limit_is_a_positive_number(self):
        self.assertEqual(limit('{"limit": 2}'), 2.0)
        for args in ["[]", "{}", '{"limit": "high"}', '{"limit": 0}', '{"limit": 1, "limits": 1}']:
            with self.assertRaises(Invalid):
                limit(args)


if __name__ == "__main__":
    unittest.main()
