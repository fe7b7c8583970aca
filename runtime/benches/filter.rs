//! PercentilePrivacy on one update, once: natively in place, or in the sandbox. `cargo xtask bench` runs
//! it beside NumPy, on the same data.
//!
//! `make FILE ELEMENTS TENSORS` writes the data. `native FILE [OUT]`, `sandboxed FILE CORES` and `memcpy FILE CORES`
//! work on it, and print what it took; `compared FILE CORES ROUNDS` prints how many times as long `sandboxed` takes where what
//! changed is measured for a report; `beside FILE NEIGHBOURS ROUNDS` how long it takes on all cores, alone and beside so
//! many components that loop without end in the same process; `counted FILE` runs `sandboxed` on one core in [`measured`], for
//! callgrind to count its instructions; `copy FILE OUT` copies it by windows. `forget FILE` lets
//! a file that is on the disk leave memory. `digest FILE` is that of the elements in a file.

mod support;

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use flip_runtime::{
    Component, DataKind, Dtype, Dxo, FlContext, Instance, InstanceBuilder, Limits, Runtime, Tensor,
};
use serde_json::Value;
use support::update::{self, Update, digest, digest_of_file};
use support::{Clock, Result, arguments, median};
use truncation::{Array, Settings, truncate};

const SETTINGS: Settings = Settings { percentile: 95.0, gamma: 0.02, steps: 4.0 };

fn main() -> Result<()> {
    let arguments = arguments();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["make", path, elements, tensors] => {
            update::make(Path::new(path), elements.parse()?, tensors.parse()?)
        }
        ["native", path] => native(Path::new(path), None),
        ["native", path, out] => native(Path::new(path), Some(Path::new(out))),
        ["sandboxed", path, cores] => sandboxed(Path::new(path), cores.parse()?),
        ["compared", path, cores, rounds] => compared(Path::new(path), cores.parse()?, rounds.parse()?),
        ["beside", path, neighbours, rounds] => beside(Path::new(path), neighbours.parse()?, rounds.parse()?),
        ["counted", path] => counted(Path::new(path)),
        ["memcpy", path, cores] => memcpy(Path::new(path), cores.parse()?),
        ["copy", path, out] => copy(Path::new(path), Path::new(out)),
        ["forget", path] => forget(&File::open(path)?),
        ["digest", path] => {
            println!("{}", digest_of_file(Path::new(path))?);
            Ok(())
        }
        _ => {
            println!("measured by: cargo xtask bench filter");
            Ok(())
        }
    }
}

/// The algorithm alone, in place, on one thread.
fn native(path: &Path, out: Option<&Path>) -> Result<()> {
    let Update { header, tensors } = Update::read(path)?;
    let arrays = tensors
        .into_iter()
        .map(|bytes| Array::new(truncation::Dtype::Float32, vec![bytes.len() as u64 / 4], bytes));
    let mut arrays: Vec<_> = arrays.collect::<Option<_>>().ok_or("a part that is no tensor")?;
    let started = Clock::start();
    truncate(&mut arrays, &SETTINGS)?;
    let measured = started.stop();
    match out {
        None => print(measured, &digest(arrays.iter().map(Array::bytes))),
        Some(out) => {
            let mut out = File::create(out)?;
            out.write_all(&header)?;
            arrays.iter().try_for_each(|array| out.write_all(array.bytes()))?;
            out.sync_all()?;
        }
    }
    Ok(())
}

/// The component in the sandbox, with its limits.
fn sandboxed(path: &Path, cores: u64) -> Result<()> {
    let component = Runtime::new()?.load("percentile-privacy")?;
    let (measured, dxo) = once(&component, path, cores, false)?;
    print(measured, &digest_of(&dxo)?);
    Ok(())
}

fn digest_of(dxo: &Dxo) -> Result<String> {
    let tensors = dxo.tensors().ok_or("no tensors")?;
    let bytes = tensors.values().map(Tensor::to_bytes).collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(digest(bytes.iter().map(|bytes| &**bytes)))
}

/// How many times as long it takes with what a report needs: the medians of so many turns, one right after the other.
fn compared(path: &Path, cores: u64, rounds: usize) -> Result<()> {
    let component = Runtime::new()?.load("percentile-privacy")?;
    let result = |measure_changes| digest_of(&once(&component, path, cores, measure_changes)?.1);
    if result(true)? != result(false)? {
        return Err("to measure what changed changes the result".into());
    }
    let times = |measure_changes| -> Result<[f64; 2]> {
        let (measured, _) = once(&component, path, cores, measure_changes)?;
        let time = |of| measured.get(of).and_then(Value::as_f64).ok_or("no time");
        Ok([time("cpu")?, time("wall")?])
    };
    let mut ratios = [Vec::with_capacity(rounds), Vec::with_capacity(rounds)];
    for round in 0..rounds {
        // Whoever comes first is not always the same.
        let first = round.is_multiple_of(2);
        let (one, other) = (times(first)?, times(!first)?);
        let (with, without) = if first { (one, other) } else { (other, one) };
        for (ratios, (with, without)) in ratios.iter_mut().zip(with.into_iter().zip(without)) {
            ratios.push(with / without);
        }
    }
    let [cpu, wall] = ratios.map(|mut ratios| {
        ratios.sort_by(f64::total_cmp);
        ratios.get(rounds / 2).copied()
    });
    println!("{}", serde_json::json!({"cpu": cpu, "wall": wall}));
    Ok(())
}

/// One run of the filter, on data that nobody else holds.
fn once(component: &Component, path: &Path, cores: u64, measure_changes: bool) -> Result<(Value, Dxo)> {
    let dxo = dxo_of(path)?;
    let started = Clock::start();
    let mut filter = of(component, cores).measure_changes(measure_changes).build()?;
    let filtered = measured(&mut filter, dxo)?;
    let mut measured = started.stop();
    if let Value::Object(measured) = &mut measured {
        measured.insert("component".to_owned(), filter.usage().peak_memory.into());
    }
    Ok((measured, filtered))
}

/// How long it takes while all others loop that have run for longer, and without them: the medians of so many rounds.
fn beside(path: &Path, neighbours: u32, rounds: usize) -> Result<()> {
    let runtime = Runtime::new()?;
    let component = runtime.load("percentile-privacy")?;
    let endless = "(component (core module $m (func $start (loop $again (br $again))) (start $start))
        (core instance (instantiate $m)))";
    let endless = runtime.load_bytes("endless", &wat::parse_str(endless)?)?;
    let cores = std::thread::available_parallelism()?.get();
    let times = || -> Result<Duration> {
        let measured = |_| {
            let dxo = dxo_of(path)?;
            let started = Instant::now();
            measured(&mut of(&component, cores as u64).build()?, dxo)?;
            Ok(started.elapsed())
        };
        Ok(median((0..rounds).map(measured).collect::<Result<_>>()?))
    };
    let alone = times()?;
    // Before its time on all cores is up, each of them has had as much as the filter needs, and half as much again.
    let warming = alone * neighbours * 3 / 2;
    for _ in 0..neighbours {
        let limits = Limits { call_time: Duration::from_secs(3_600), ..Limits::default() };
        let builder = endless.instance().limits(limits);
        // They end with the program.
        std::thread::spawn(move || builder.build().map(drop));
    }
    std::thread::sleep(warming);
    let beside = times()?;
    println!("{}", serde_json::json!({"alone": alone.as_secs_f64(), "beside": beside.as_secs_f64()}));
    Ok(())
}

/// The same without a clock, which valgrind does not bear.
fn counted(path: &Path) -> Result<()> {
    let component = Runtime::new()?.load("percentile-privacy")?;
    let (mut filter, dxo) = (of(&component, 1).build()?, dxo_of(path)?);
    std::hint::black_box(measured(&mut filter, dxo)?);
    Ok(())
}

/// What is counted. It is one function in the program, so that callgrind can tell it from the rest; the code of the
/// component, which has no name, is what it calls.
#[inline(never)]
fn measured(filter: &mut Instance, dxo: Dxo) -> Result<Dxo> {
    Ok(filter.filter(dxo, &Arc::new(FlContext::default()))?.dxo)
}

fn of(component: &Component, cores: u64) -> InstanceBuilder {
    let args = format!(r#"{{"percentile": {}, "gamma": {}}}"#, SETTINGS.percentile, SETTINGS.gamma);
    component.instance().args(args).limits(Limits { cores, ..Limits::default() })
}

/// The data as the filter is given it.
fn dxo_of(path: &Path) -> Result<Dxo> {
    let tensors = Update::read(path)?.tensors.into_iter().enumerate().map(|(index, bytes)| {
        let tensor = Tensor::new(Dtype::Float32, &[bytes.len() as u64 / 4], bytes)?;
        Ok((format!("layer{index}.weight"), tensor))
    });
    let tensors = tensors.collect::<Result<Vec<_>>>()?;
    let mut dxo = Dxo::of_tensors(DataKind::WeightDiff, tensors).ok_or("no tensors")?;
    dxo.set_meta("NUM_STEPS_CURRENT_ROUND", &SETTINGS.steps)?;
    Ok(dxo)
}

/// What the memory allows: one copy of the data, into pages that are there, each core a part of every tensor.
fn memcpy(path: &Path, cores: usize) -> Result<()> {
    let tensors = Update::read(path)?.tensors;
    let mut copies: Vec<Vec<u8>> = tensors.iter().map(|tensor| vec![1; tensor.len()]).collect();
    let mut shares: Vec<Vec<(&mut [u8], &[u8])>> = (0..cores).map(|_| Vec::new()).collect();
    for (copy, tensor) in copies.iter_mut().zip(&tensors) {
        let part = tensor.len().div_ceil(cores).max(1);
        for (share, parts) in shares.iter_mut().zip(copy.chunks_mut(part).zip(tensor.chunks(part))) {
            share.push(parts);
        }
    }
    let copy =
        |share: Vec<(&mut [u8], &[u8])>| share.into_iter().for_each(|(to, from)| to.copy_from_slice(from));
    let (ready, mine) = (Barrier::new(cores), shares.pop());
    let started = std::thread::scope(|scope| {
        for share in shares {
            scope.spawn(|| {
                ready.wait();
                copy(share);
            });
        }
        ready.wait();
        let started = Clock::start();
        mine.into_iter().for_each(copy);
        started
    });
    let measured = started.stop();
    std::hint::black_box(copies);
    println!("{measured}");
    Ok(())
}

/// What the disk allows: until all of it is there, as the program waits too. To send it early, as the program does, made
/// this one slower.
fn copy(path: &Path, out: &Path) -> Result<()> {
    let (mut file, mut out) = (File::open(path)?, File::create(out)?);
    let mut window = vec![0; 1 << 20];
    loop {
        match file.read(&mut window)? {
            0 => return Ok(out.sync_all()?),
            read => out.write_all(window.get(..read).unwrap_or_default())?,
        }
    }
}

/// Lets a file that is on the disk leave memory.
fn forget(file: &File) -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

fn print(mut measured: Value, digest: &str) {
    if let Value::Object(measured) = &mut measured {
        measured.insert("digest".to_owned(), digest.into());
    }
    println!("{measured}");
}
