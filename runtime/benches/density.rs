//! Many instances of one filter in one process. `cargo xtask bench` runs it.
//!
//! `NUMBER` holds so many, and prints by how many bytes all made the process grow, how long it took to make one in a
//! place that nobody had used, how long to end one, and how long to make another in its place: the medians of CPU and
//! wall-clock time.
//! `NUMBER warm` makes places for them ready first, and prints how long it took to make one then.

mod support;

use std::time::{Duration, Instant};

use flip_runtime::Runtime;
use serde_json::{Value, json};
use support::{Result, arguments, cpu_of_thread, median, resident};

fn main() -> Result<()> {
    let arguments = arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (number, warm) = match arguments[..] {
        [number] => (number.parse()?, false),
        [number, "warm"] => (number.parse()?, true),
        _ => {
            println!("measured by: cargo xtask bench density");
            return Ok(());
        }
    };
    // One place more, which a first instance keeps: what is set up once for all is none of the others' own.
    let runtime = Runtime::builder().instances(1_000.max(number) + 1).build()?;
    let component = runtime.load("percentile-privacy")?;
    let like = component.instance().args(r#"{"percentile": 95, "gamma": 0.02}"#);
    let build = || like.clone().build();
    let _first = build()?;
    if warm {
        like.warm(number as usize)?;
    }
    let (before, mut instances, mut times) = (resident(), Vec::new(), Vec::new());
    for _ in 0_u32..number {
        instances.push(Some(timed(&mut times, build)?));
    }
    let growth = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    // One ends and another begins, as it is where components come and go.
    let (mut ended, mut replaced) = (Vec::new(), Vec::new());
    for place in &mut instances {
        timed(&mut ended, || drop(place.take()));
        *place = Some(timed(&mut replaced, build)?);
    }
    let [create, end, replace] = [times, ended, replaced].map(medians);
    println!("{}", json!({"growth": growth, "create": create, "end": end, "replace": replace}));
    Ok(())
}

/// The CPU and the wall-clock time of something, each time.
type Times = Vec<(Duration, Duration)>;

/// Notes how long it takes.
fn timed<R>(times: &mut Times, what: impl FnOnce() -> R) -> R {
    let (wall, cpu) = (Instant::now(), cpu_of_thread());
    let result = what();
    let cpu = cpu_of_thread().saturating_sub(cpu);
    times.push((cpu, wall.elapsed()));
    result
}

fn medians(times: Times) -> Value {
    let (cpu, wall) = times.into_iter().unzip();
    let seconds = |times| median(times).as_secs_f64();
    json!({"cpu": seconds(cpu), "wall": seconds(wall)})
}
