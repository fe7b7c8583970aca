//! Names, numbers and bins.

use flip_report::text::{count, counted, duration, figure, share, size, visible};
use flip_report::{Histogram, Pair};
use proptest::prelude::*;

#[test]
fn numbers_are_as_people_read_them() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    assert_eq!([counted(1, "file"), counted(0, "file")], ["1 file", "0 files"]);
    assert_eq!([0, 1_023, 5_427, u64::MAX].map(size), ["0 B", "1023 B", "5.3 KiB", "16.0 EiB"]);
    let times = [0.0, 0.000_4, 0.9, 0.999_99, 4.214, 59.999, 3_723.0].map(duration);
    assert_eq!(times, ["0 s", "0.4 ms", "900.0 ms", "1.00 s", "4.21 s", "1m", "1h 2m 3s"]);
    assert_eq!([-1.0, f64::NAN, f64::INFINITY].map(duration), ["–", "–", "more than can be shown"]);
    assert_eq!([0.0, 0.000_1, 0.9, 1.0, f64::NAN].map(share), ["0.0%", "<0.1%", "90.0%", "100.0%", "–"]);
    let figures = [0.0, 0.5, 0.012_34, 12.0, 1.234e-7, 1e20, f64::NAN].map(figure);
    assert_eq!(figures, ["0", "0.5", "0.01234", "12", "1.234 × 10⁻⁷", "1 × 10²⁰", "–"]);
}

proptest! {
    #[test]
    fn no_number_is_too_odd(bytes in any::<u64>(), number in any::<f64>()) {
        for text in [size(bytes), count(bytes), duration(number), share(number), figure(number)] {
            prop_assert!(!text.is_empty() && text.len() < 40, "{}", text);
        }
    }

    #[test]
    fn nothing_in_a_name_stays_hidden_or_long(name in any::<String>(), most in 0_usize..50) {
        let shown = visible(&name, most);
        prop_assert!(!shown.chars().any(char::is_control));
        prop_assert!(shown.chars().count() <= most * 10 + 40);
    }

    #[test]
    fn odd_bins_do_no_harm(first in any::<f64>(), ratio in any::<f64>(), counts in prop::collection::vec(any::<u64>(), 0..4)) {
        let zeros = Pair::default();
        let histogram = Histogram { first, ratio, before: counts.clone(), after: counts, zeros };
        if let Some((first, step)) = histogram.scale() {
            prop_assert!(first.is_finite() && step > 0.0);
        }
    }
}
