import unittest

from arguments import Invalid
from logic import event, line


class Handler(unittest.TestCase):
    def test_the_line_names_job_and_site(self):
        self.assertEqual(line("_start_run", "job-1", "site-1"), "run of job-1 starts at site-1")
        self.assertEqual(line("_end_run", "job-1", "site-1"), "run of job-1 ends at site-1")

    def test_an_event_is_a_text(self):
        self.assertEqual((event("{}"), event('{"event": "done"}')), (None, "done"))
        self.assertRaises(Invalid, event, '{"event": 7}')


if __name__ == "__main__":
    unittest.main()
