import unittest

from logic import values


class Values(unittest.TestCase):
    def test_a_file_holds_whole_values(self):
        self.assertEqual((values(8), values(9), values(0)), (2, None, 0))


if __name__ == "__main__":
    unittest.main()
