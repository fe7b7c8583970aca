import unittest

from logic import answer


class Answer(unittest.TestCase):
    def test_elements_are_counted(self):
        self.assertEqual(answer("count", [4, 3]), ("OK", '{"elements": 7}'))
        self.assertEqual(answer("count", None), ("BAD_TASK_DATA", None))
        self.assertEqual(answer("train", []), ("TASK_UNKNOWN", None))


if __name__ == "__main__":
    unittest.main()
