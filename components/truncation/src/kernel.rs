//! What becomes of one element.

use order_statistics::Key;

use crate::real::Real;

/// The steps, cutoff and gamma as numbers of the element's type.
#[derive(Clone, Copy)]
pub(crate) struct Kernel<R: Real> {
    steps: R,
    /// 1 / steps, where multiplying by it is the same as dividing.
    reciprocal: Option<R>,
    /// The bits of a magnitude.
    magnitude: R::Key,
    threshold: R,
    low: R,
    high: R,
}

impl<R: Real> Kernel<R> {
    /// The kernel of a tensor that has dimensions.
    pub fn new(steps: f64, cutoff: f64, gamma: f64) -> Self {
        let gamma = R::round(gamma);
        Self { threshold: R::round_up(cutoff), low: -gamma, high: gamma, ..Self::scalar(steps) }
    }

    /// The kernel of a tensor without dimensions: divides and multiplies.
    pub fn scalar(steps: f64) -> Self {
        let steps = R::round(steps);
        // A power of two moves the exponent only, whether it divides or its reciprocal multiplies: both
        // round the same exact quotient. Division costs several times as much.
        let reciprocal = steps.inverts_exactly().then(|| R::ONE / steps);
        // Were it known to the compiler, it would make the instruction for |x| of it, for which a sandbox builds this mask
        // anew each time: the loop in `apply` took a fifth more time so.
        let magnitude = std::hint::black_box(R::Key::from_u64(R::Key::MAX.to_u64() >> 1));
        Self { steps, reciprocal, magnitude, threshold: R::ZERO, low: -R::INFINITY, high: R::INFINITY }
    }

    /// Calls `work` with the function that maps an element, one without branches.
    #[inline(always)]
    pub fn with<W: WithFunction<R>>(self, work: W) -> W::Result {
        match self.reciprocal {
            // Not left out where it is 1: arithmetic turns a signalling NaN into a quiet one, as NumPy's does.
            Some(reciprocal) => work.run(move |x| self.shared(x * reciprocal)),
            None => work.run(move |x| self.shared(x / self.steps)),
        }
    }

    /// From the quotient to the result. Every comparison is false for NaN, which thus passes through.
    #[inline(always)]
    fn shared(&self, x: R) -> R {
        let magnitude = R::from_key(x.bits() & self.magnitude);
        let x = if magnitude < self.threshold { R::ZERO } else { x };
        let x = if x < self.low { self.low } else { x };
        let x = if self.high < x { self.high } else { x };
        x * self.steps
    }
}

/// Work with a function on numbers: a closure that is generic in its argument.
pub(crate) trait WithFunction<R> {
    type Result;
    fn run(self, f: impl Fn(R) -> R + Copy) -> Self::Result;
}
