//! Many instances of one filter in one process. `cargo xtask bench` runs it.
//!
//! `NUMBER` holds so many, and prints by how many bytes all made the process grow, how long it took to make one, and
//! how long to make one where another has ended (the medians).

mod support;

use std::time::Instant;

use flip_runtime::Runtime;
use support::{Result, arguments, median, resident};

fn main() -> Result<()> {
    let [number] = &arguments()[..] else {
        println!("measured by: cargo xtask bench density");
        return Ok(());
    };
    let number: usize = number.parse()?;
    let component = Runtime::new()?.load("percentile-privacy")?;
    let build = || component.instance().args(r#"{"percentile": 95, "gamma": 0.02}"#).build();
    // What is set up once for all is none of the instances' own.
    drop(build()?);
    let (before, mut instances, mut times) = (resident(), Vec::with_capacity(number), Vec::new());
    for _ in 0..number {
        let started = Instant::now();
        instances.push(Some(build()?));
        times.push(started.elapsed());
    }
    let growth = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    // One ends and another begins, as it is where components come and go.
    let mut replaced = Vec::with_capacity(number);
    for place in &mut instances {
        drop(place.take());
        let started = Instant::now();
        *place = Some(build()?);
        replaced.push(started.elapsed());
    }
    let seconds = |times| median(times).as_secs_f64();
    let measured =
        serde_json::json!({"growth": growth, "create": seconds(times), "replace": seconds(replaced)});
    println!("{measured}");
    Ok(())
}
