//! Small functions of probability.

/// A probability with its place on the normal curve, both worked out beforehand: they are needed in every window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantile {
    /// The probability.
    pub(super) q: f64,
    /// Where the standard normal distribution reaches it.
    pub(super) z: f64,
    /// The density there.
    pub(super) density: f64,
}

/// The percentiles that services report: p50, p75, p90, p95 and p99.
pub(super) const QUANTILES: [Quantile; 5] = [
    Quantile {
        q: 0.5,
        z: 0.0,
        density: 0.398_942_280_401_432_7,
    },
    Quantile {
        q: 0.75,
        z: 0.674_489_750_196_081_7,
        density: 0.317_776_572_684_107_4,
    },
    Quantile {
        q: 0.9,
        z: 1.281_551_565_544_600_4,
        density: 0.175_498_331_932_486_82,
    },
    Quantile {
        q: 0.95,
        z: 1.644_853_626_951_472_6,
        density: 0.103_135_640_375_378_96,
    },
    Quantile {
        q: 0.99,
        z: 2.326_347_874_040_841,
        density: 0.026_652_142_203_457_953,
    },
];

/// Where the standard normal distribution reaches a probability between 0 and 1, to within 0.0005 (source: Abramowitz and Stegun,
/// "Handbook of Mathematical Functions", 26.2.23).
pub(super) fn normal_quantile(q: f64) -> f64 {
    let tail = q.min(1.0 - q).max(1e-300);
    let t = (-2.0 * tail.ln()).sqrt();
    let above = 0.010_328f64.mul_add(t, 0.802_853).mul_add(t, 2.515_517);
    let below = 0.001_308f64.mul_add(t, 0.189_269).mul_add(t, 1.432_788).mul_add(t, 1.0);
    (t - above / below).copysign(q - 0.5)
}

/// The e-value of a logarithm. No window says more than 300, so that a product of what is nothing and what is endless cannot arise.
pub(super) fn e_value(log: f64) -> f64 {
    log.clamp(-300.0, 300.0).exp()
}

/// A number that cannot leave the range in which products of evidence stay numbers. Evidence beyond it decides nothing more: a
/// rollback takes 100, and what has sunk to the lower end would need hundreds of windows to come back.
pub(super) fn within_range(value: f64) -> f64 {
    value.clamp(1e-200, 1e200)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal_density(z: f64) -> f64 {
        (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt()
    }

    #[test]
    fn the_tabulated_quantiles_lie_on_the_normal_curve() {
        for quantile in QUANTILES {
            assert!(
                (normal_density(quantile.z) - quantile.density).abs() < 1e-12,
                "{quantile:?}"
            );
            // The integral of the density up to z, by Simpson's rule.
            let steps = 2000;
            let width = quantile.z / f64::from(steps);
            let inside: f64 = (0..=steps)
                .map(|step| {
                    let factor = match step {
                        0 => 1.0,
                        last if last == steps => 1.0,
                        odd if odd % 2 == 1 => 4.0,
                        _ => 2.0,
                    };
                    factor * normal_density(f64::from(step) * width)
                })
                .sum();
            let below = 0.5 + inside * width / 3.0;
            assert!((below - quantile.q).abs() < 1e-10, "{quantile:?} {below}");
            for (q, z) in [(quantile.q, quantile.z), (1.0 - quantile.q, -quantile.z)] {
                assert!((normal_quantile(q) - z).abs() < 5e-4, "{q} {}", normal_quantile(q));
            }
        }
    }
}
