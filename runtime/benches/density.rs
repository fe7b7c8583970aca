//! Many instances of one filter in one process. `cargo xtask bench` runs it.
//!
//! `NUMBER` holds so many, and prints by how many bytes all made the process grow, how long it took to make one in a
//! place that nobody had used, how long to end one, and how long to make another in its place (the medians of CPU time).
//! `NUMBER warm` makes places for them ready first, and prints how long it took to make one then.

mod support;

use flip_runtime::Runtime;
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
        let started = cpu_of_thread();
        instances.push(Some(build()?));
        times.push(cpu_of_thread().saturating_sub(started));
    }
    let growth = resident().zip(before).map(|(after, before)| after.saturating_sub(before));
    // One ends and another begins, as it is where components come and go.
    let (mut ended, mut replaced) = (Vec::new(), Vec::new());
    for place in &mut instances {
        let started = cpu_of_thread();
        drop(place.take());
        let free = cpu_of_thread();
        *place = Some(build()?);
        replaced.push(cpu_of_thread().saturating_sub(free));
        ended.push(free.saturating_sub(started));
    }
    let seconds = |times| median(times).as_secs_f64();
    let [create, end, replace] = [times, ended, replaced].map(seconds);
    let measured = serde_json::json!({"growth": growth, "create": create, "end": end, "replace": replace});
    println!("{measured}");
    Ok(())
}
