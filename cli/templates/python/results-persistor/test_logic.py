import unittest

from logic import key


class Key(unittest.TestCase):
    def test_the_archive_is_called_after_the_job(self):
        self.assertEqual(key("job-1"), "job-1.zip")


if __name__ == "__main__":
    unittest.main()
