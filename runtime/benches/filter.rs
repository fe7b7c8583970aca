//! PercentilePrivacy on one update, once: natively in place, or in the sandbox. `cargo xtask bench` runs
//! it beside NumPy, on the same data.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{env, fs};

use flip_runtime::{DataKind, Dtype, Dxo, FlContext, Runtime, Tensor};
use sha2::{Digest, Sha256};
use truncation::{Array, Settings, truncate};

const SETTINGS: Settings = Settings { percentile: 95.0, gamma: 0.02, steps: 4.0 };

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    // cargo bench adds a flag of its own.
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [way, path, number] = &args[..] else {
        println!("measured by: cargo xtask bench");
        return Ok(());
    };
    let (path, number) = (Path::new(path), number.parse::<usize>()?);
    match &**way {
        "make" => Ok(fs::write(path, normal(number))?),
        "native" => native(&split(&fs::read(path)?, number)),
        "sandboxed" => sandboxed(&split(&fs::read(path)?, number)),
        other => Err(format!("no way is called {other}").into()),
    }
}

/// The algorithm alone, in place.
fn native(parts: &[Vec<u8>]) -> Result<()> {
    let arrays = parts
        .iter()
        .map(|part| Array::new(truncation::Dtype::Float32, vec![part.len() as u64 / 4], part.clone()));
    let mut arrays: Vec<_> = arrays.collect::<Option<_>>().ok_or("a part that is no tensor")?;
    let started = Clock::start();
    truncate(&mut arrays, &SETTINGS)?;
    started.report(0, arrays.iter().map(Array::bytes));
    Ok(())
}

/// The component in the sandbox, with its limits.
fn sandboxed(parts: &[Vec<u8>]) -> Result<()> {
    let runtime = Runtime::new()?;
    let component = runtime.load("percentile-privacy")?;
    let args = format!(r#"{{"percentile": {}, "gamma": {}}}"#, SETTINGS.percentile, SETTINGS.gamma);
    let tensors = parts.iter().enumerate().map(|(index, part)| {
        let tensor = Tensor::new(Dtype::Float32, &[part.len() as u64 / 4], part.clone())?;
        Ok((format!("layer{index}.weight"), tensor))
    });
    let tensors = tensors.collect::<Result<Vec<_>>>()?;
    let mut dxo = Dxo::of_tensors(DataKind::WeightDiff, tensors).ok_or("no tensors")?;
    dxo.set_meta("NUM_STEPS_CURRENT_ROUND", &SETTINGS.steps)?;
    let context = Arc::new(FlContext::default());
    let started = Clock::start();
    let mut filter = component.instance().args(args).build()?;
    let filtered = filter.filter(dxo, &context)?;
    let (cpu, wall) = started.stop();
    let tensors = filtered.dxo.tensors().ok_or("no tensors")?;
    let bytes = tensors.values().map(Tensor::to_bytes).collect::<std::result::Result<Vec<_>, _>>()?;
    print(cpu, wall, filter.usage().peak_memory, bytes.iter().map(|bytes| &**bytes));
    Ok(())
}

/// CPU and wall-clock time.
struct Clock(Duration, Instant);

impl Clock {
    fn start() -> Self {
        Self(Self::cpu(), Instant::now())
    }

    fn cpu() -> Duration {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }

    fn stop(self) -> (Duration, Duration) {
        (Self::cpu() - self.0, self.1.elapsed())
    }

    fn report<'a>(self, memory: u64, result: impl Iterator<Item = &'a [u8]>) {
        let (cpu, wall) = self.stop();
        print(cpu, wall, memory, result);
    }
}

fn print<'a>(cpu: Duration, wall: Duration, memory: u64, result: impl Iterator<Item = &'a [u8]>) {
    let mut digest = Sha256::new();
    result.for_each(|bytes| digest.update(bytes));
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let measured = serde_json::json!({
        "cpu": cpu.as_secs_f64(),
        "wall": wall.as_secs_f64(),
        "component_memory": memory,
        "digest": digest,
    });
    println!("{measured}");
}

/// As numpy.array_split has it: the first parts are one element longer where it does not come out even.
fn split(data: &[u8], count: usize) -> Vec<Vec<u8>> {
    let elements = data.len() / 4;
    let (short, longer) = (elements / count, elements % count);
    let mut rest = data;
    (0..count)
        .map(|part| {
            let (first, after) = rest.split_at(4 * (short + usize::from(part < longer)));
            rest = after;
            first.to_vec()
        })
        .collect()
}

/// Normally distributed float32, from SplitMix64 and the polar method.
fn normal(count: usize) -> Vec<u8> {
    let mut state = 42_u64;
    let mut uniform = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    };
    let mut bytes = Vec::with_capacity(4 * count + 4);
    while bytes.len() < 4 * count {
        let (u, v) = (uniform(), uniform());
        let s = u * u + v * v;
        if s < 1.0 && s > 0.0 {
            let scale = (-2.0 * s.ln() / s).sqrt() * 0.01;
            bytes.extend_from_slice(&((u * scale) as f32).to_le_bytes());
            bytes.extend_from_slice(&((v * scale) as f32).to_le_bytes());
        }
    }
    bytes.truncate(4 * count);
    bytes
}
