//! Many instances of one filter in one process. `cargo xtask bench` runs it.
//!
//! `NUMBER` holds so many, and prints by how many bytes each made the process grow, and how long it took to make
//! one (the median).

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
        instances.push(build()?);
        times.push(started.elapsed());
    }
    let growth = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    let measured = serde_json::json!({"growth": growth, "create": median(times).as_secs_f64()});
    println!("{measured}");
    drop(instances);
    Ok(())
}
