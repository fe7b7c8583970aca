use super::*;
use crate::budget::Budget;
use crate::exchange::DataKind;
use crate::limits::Limits;
use crate::tensor::{Dtype, Scratch, Writing};

fn float32(numbers: &[f32]) -> Tensor {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    Tensor::new(Dtype::Float32, &[numbers.len() as u64], bytes).unwrap()
}

fn dxo<const N: usize>(tensors: [(&str, Tensor); N]) -> Dxo {
    let tensors = tensors.map(|(name, tensor)| (name.to_owned(), tensor));
    Dxo::of_tensors(DataKind::WeightDiff, tensors).unwrap()
}

fn write(tensor: &mut Tensor, start: u64, bytes: &[u8]) {
    let budget = Budget::new(&Limits::default(), true);
    let writing = Writing { scratch: &Scratch::Memory, budget: &budget, go_on: &|| Ok(()) };
    tensor.write(start, bytes, &writing).unwrap();
}

/// What a filter does that makes one of the other: it writes window by window, and what has another shape or
/// type takes the old one's place.
fn compare(before: &Dxo, after: &Dxo, gauges: &[(&str, f64)]) -> Change {
    let gauges = gauges.iter().map(|(name, figure)| ((*name).to_owned(), *figure)).collect();
    let mut dxo = before.clone();
    let sample = Sample::of(&mut dxo).unwrap();
    let after = after.tensors().unwrap();
    let tensors = dxo.tensors_mut().unwrap();
    tensors.retain(|name, _| after.contains_key(name));
    for (name, new) in after {
        let Some(old) = tensors.get_mut(name) else {
            tensors.insert(name.clone(), new.clone());
            continue;
        };
        if (old.dtype(), old.shape()) == (new.dtype(), new.shape()) {
            let window = 1_000 * new.dtype().size();
            for (number, bytes) in new.to_bytes().unwrap().chunks(window).enumerate() {
                write(old, number as u64 * 1_000, bytes);
            }
        } else {
            let mut new = new.clone();
            new.take_over(old).unwrap();
            *old = new;
        }
    }
    sample.compare(&mut dxo, &gauges).unwrap()
}

#[test]
fn what_is_written_again_counts_as_it_was_at_first_and_is_at_last() {
    let mut dxo = dxo([("a", float32(&[4.0; 40]))]);
    let sample = Sample::of(&mut dxo).unwrap();
    let tensor = dxo.tensors_mut().unwrap().get_mut("a").unwrap();
    write(tensor, 0, &[0; 4 * 40]);
    write(tensor, 30, &2.0_f32.to_le_bytes());
    // Somebody else's: the dxo does not have it.
    write(&mut tensor.clone(), 0, &[0x7f; 4 * 40]);
    let all = sample.compare(&mut dxo, &IndexMap::new()).unwrap().all;
    assert_eq!((all.zeroed, all.clipped), (Some(39.0 / 40.0), Some(1.0 / 40.0)));
    assert_eq!((all.max.before, all.max.after), (Some(8.0), Some(4.0)));
}

#[test]
fn what_nobody_wrote_to_is_as_it_was_in_a_tensor_that_took_its_place_too() {
    let numbers: Vec<f32> = (0..100).map(|number| number as f32).collect();
    for replaced in [false, true] {
        let mut dxo = dxo([("a", float32(&numbers))]);
        let sample = Sample::of(&mut dxo).unwrap();
        let tensor = dxo.tensors_mut().unwrap().get_mut("a").unwrap();
        if replaced {
            let mut new = float32(&numbers);
            write(tensor, 0, &[0; 4 * 100]);
            new.take_over(tensor).unwrap();
            *tensor = new;
        }
        write(tensor, 99, &[0; 4]);
        let all = sample.compare(&mut dxo, &IndexMap::new()).unwrap().all;
        assert_eq!((all.zeroed, all.clipped), (Some(0.01), Some(0.0)), "{replaced}");
    }
}

#[test]
fn a_tensor_that_was_longer_for_a_while_was_shown_as_unchanged() {
    let mut dxo = dxo([("a", float32(&[4.0; 100]))]);
    let sample = Sample::of(&mut dxo).unwrap();
    let tensor = dxo.tensors_mut().unwrap().get_mut("a").unwrap();
    write(tensor, 0, &[0; 4]);
    for new in [float32(&[1.0; 101]), float32(&[2.0; 100])] {
        let mut new = new;
        write(&mut new, 0, &3.0_f32.to_le_bytes());
        new.take_over(tensor).unwrap();
        *tensor = new;
        write(tensor, 1, &0.0_f32.to_le_bytes());
    }
    let all = sample.compare(&mut dxo, &IndexMap::new()).unwrap().all;
    assert_eq!((all.sampled, all.zeroed, all.clipped), (100, Some(0.01), Some(0.99)));
}

#[test]
fn pieces_of_a_tensor_are_watched_where_they_lie_in_it() {
    let numbers: Vec<f32> = (0..3_000_000).map(|number| number as f32).collect();
    let mut dxo = dxo([("a", float32(&numbers))]);
    let sample = Sample::of(&mut dxo).unwrap();
    let tensors = dxo.tensors_mut().unwrap();
    let budget = Budget::new(&Limits::default(), true);
    let writing = Writing { scratch: &Scratch::Memory, budget: &budget, go_on: &|| Ok(()) };
    let lens = [1 << 20, 1 << 20, 3_000_000 - (2 << 20)];
    let (cut, mut pieces) = tensors.swap_remove("a").unwrap().cut(&lens, &writing).unwrap();
    for (piece, at) in pieces.iter_mut().zip([0, 1 << 20, 2 << 20]) {
        for start in (0..piece.len()).step_by(1 << 16) {
            let end = (start + (1 << 16)).min(piece.len());
            let halves = (start..end).map(|number| ((number + at) as f32) / 2.0);
            write(piece, start, &halves.flat_map(f32::to_le_bytes).collect::<Vec<_>>());
        }
    }
    tensors.insert("a".to_owned(), cut.join(pieces).unwrap());
    let all = sample.compare(&mut dxo, &IndexMap::new()).unwrap().all;
    assert!(all.sampled > 4_000, "{}", all.sampled);
    // All but the zero, and halved everywhere.
    assert!(all.clipped.unwrap() > 0.999, "{:?}", all.clipped);
    let norms = all.norm.before.unwrap() / all.norm.after.unwrap();
    assert!((norms - 2.0).abs() < 1e-3, "{norms}");
}

#[test]
fn a_small_update_is_counted_whole() {
    let before = [&[4.0, -0.5, 0.0, 2.0][..], &[1.0; 36]].concat();
    let after = [&[2.0, 0.0, 0.0, 2.0][..], &[1.0; 36]].concat();
    let before = dxo([("a", float32(&before)), ("b", float32(&[3.0]))]);
    let after = dxo([("a", float32(&after)), ("b", float32(&[-2.0]))]);
    let change = compare(&before, &after, &[("cutoff", 0.5), ("gamma", 1.0), ("steps", 2.0)]);
    let all = change.all;
    assert_eq!((all.elements, all.sampled), (41, 41));
    assert_eq!((all.zeroed, all.clipped), (Some(1.0 / 41.0), Some(2.0 / 41.0)));
    let norm = (36.0_f64 + 16.0 + 0.25 + 4.0 + 9.0).sqrt();
    assert!((all.norm.before.unwrap() / norm - 1.0).abs() < 1e-3, "{:?}", all.norm);
    assert_eq!((all.cutoff, all.gamma), (Some(1.0), Some(2.0)));
    let histogram = all.histogram.unwrap();
    assert_eq!((histogram.zeros.before, histogram.zeros.after), (1, 2));
    let bin = |number: f64| (number.log2() - histogram.first.log2()) as usize;
    assert_eq!(histogram.before[bin(0.5)..=bin(4.0)], [1, 36, 2, 1]);
    assert_eq!(histogram.after[bin(0.5)..=bin(4.0)], [0, 36, 3, 0]);
    assert_eq!(change.tensors[1].change.clipped, Some(1.0));
}

#[test]
fn an_element_could_be_read_off_the_figures() {
    let secret = 0.123_456_7_f32;
    let mut large = [1e-3; 100];
    large[7] = secret;
    let before =
        dxo([("one", float32(&[secret])), ("few", float32(&[secret; 31])), ("large", float32(&large))]);
    let change = compare(&before, &before, &[]);
    for tiny in &change.tensors[..2] {
        assert_eq!((tiny.change.norm, tiny.change.max), Default::default());
        assert!(tiny.change.histogram.is_none() && tiny.change.zeroed == Some(0.0), "{tiny:?}");
    }
    assert_eq!((change.tensors[2].change.max.before, change.all.max.before), (Some(0.125), Some(0.125)));
    // Nor by what the sum over all has more than the others.
    let norm = |figure: Option<f64>| figure.unwrap();
    assert_eq!(norm(change.all.norm.before), (norm(change.all.norm.before) * 1e4).round() / 1e4);
    let only = dxo([("one", float32(&[secret]))]);
    let alone = compare(&only, &only, &[]).all;
    assert!(alone.histogram.is_none() && alone.norm.before.is_none() && alone.max.before.is_none());
}

#[test]
fn rounding_was_counted_as_clipping() {
    let numbers: Vec<f32> = (1..100_000).map(|n| n as f32 * 1.7e-6).collect();
    let steps = 3.0_f32;
    let rounded: Vec<f32> = numbers.iter().map(|number| number / steps * steps).collect();
    assert!(numbers.iter().zip(&rounded).any(|(before, after)| after < before));
    let change = compare(&dxo([("a", float32(&numbers))]), &dxo([("a", float32(&rounded))]), &[]);
    assert_eq!((change.all.clipped, change.all.zeroed), (Some(0.0), Some(0.0)));
}

#[test]
fn stages_have_cutoffs_of_their_own() {
    let before = dxo(["encoder.w", "decoder.w", "head.w"].map(|name| (name, float32(&[1.0; 40]))));
    let change = compare(
        &before,
        &before,
        &[
            ("stage encoder: cutoff", 0.1),
            ("stage encoder: gamma", 0.5),
            ("stage encoder: steps", 2.0),
            ("stage x+decoder: cutoff", 0.3),
        ],
    );
    let marks: Vec<_> =
        change.tensors.iter().map(|tensor| (tensor.change.cutoff, tensor.change.gamma)).collect();
    assert_eq!(marks, [(Some(0.2), Some(1.0)), (Some(0.3), None), (None, None)]);
    assert_eq!(change.all.cutoff, None);
}

#[test]
fn tensors_that_come_go_or_get_another_shape_are_listed() {
    let before = dxo(["kept", "gone", "reshaped"].map(|name| (name, float32(&[1.0; 40]))));
    let after =
        dxo([("kept", float32(&[1.0; 40])), ("reshaped", float32(&[1.0; 2])), ("new", float32(&[1.0; 3]))]);
    let change = compare(&before, &after, &[]);
    let became: Vec<_> =
        change.tensors.iter().map(|tensor| (&*tensor.name, tensor.became, tensor.change.elements)).collect();
    assert_eq!(
        became,
        [
            ("kept", Became::Same, 40),
            ("gone", Became::Removed, 40),
            ("reshaped", Became::Reshaped, 2),
            ("new", Became::Added, 3),
        ]
    );
    assert_eq!(change.all.elements, 40);
    assert!(Sample::of(&mut Dxo::new(DataKind::Metrics)).is_none());
}

#[test]
fn a_large_update_is_sampled_and_small_tensors_in_it_weigh_no_more_than_others() {
    let large: Vec<f32> = (0..2_000_000).map(|n| (n % 7) as f32).collect();
    let halved: Vec<f32> = large.iter().map(|number| number / 2.0).collect();
    let before = dxo([("large", float32(&large)), ("small", float32(&[1.0; 64]))]);
    let after = dxo([("large", float32(&halved)), ("small", float32(&[0.0; 64]))]);
    let all = compare(&before, &after, &[]).all;
    assert!((5_000..20_000).contains(&all.sampled), "{}", all.sampled);
    assert_eq!(all.elements, 2_000_064);
    assert!((all.clipped.unwrap() - 6.0 / 7.0).abs() < 0.01, "{:?}", all.clipped);
    assert!((all.zeroed.unwrap() - 64.0 / 2_000_064.0).abs() < 1e-9, "{:?}", all.zeroed);
    let norm = large.iter().map(|number| f64::from(number * number)).sum::<f64>().sqrt();
    assert!((all.norm.before.unwrap() / norm - 1.0).abs() < 0.01);
}

#[test]
fn numbers_that_are_none_and_every_dtype_make_figures() {
    let odd = float32(&[f32::NAN, f32::INFINITY, -f32::INFINITY, f32::MIN_POSITIVE / 2.0].repeat(10));
    let of = |dtype: Dtype| Tensor::new(dtype, &[40], vec![0xff; 40 * dtype.size()]).unwrap();
    let mut tensors = Dtype::ALL.map(|dtype| (dtype.name().to_owned(), of(dtype))).to_vec();
    tensors.push(("odd".to_owned(), odd));
    let dxo = Dxo::of_tensors(DataKind::Weights, tensors).unwrap();
    let change = compare(&dxo, &dxo, &[]);
    assert_eq!(change.tensors.len(), Dtype::ALL.len() + 1);
    assert_eq!(change.all.max.before, None);
    assert!(serde_json::to_string(&change).is_ok_and(|text| !text.contains("NaN")));
}

#[test]
fn what_is_marked_has_four_digits_as_a_percentile_may_be_an_element() {
    let dxo = dxo([("w", float32(&[0.123_456_7; 40]))]);
    let all = compare(&dxo, &dxo, &[("cutoff", 0.123_456_7), ("gamma", 2.0), ("steps", 4.0)]).all;
    assert_eq!((all.cutoff, all.gamma), (Some(0.4938), Some(8.0)));
    for (number, digits) in [(0.0, 0.0), (1e-310, 1e-310), (123_456.0, 123_500.0), (0.000_999_96, 0.001)] {
        assert_eq!(four_digits(number), digits);
    }
    assert!(four_digits(f64::NAN).is_nan() && four_digits(f64::INFINITY).is_infinite());
}
