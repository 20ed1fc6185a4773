//! Percentiles of both arms in the same window: how far they lie apart, and how far by chance.

use super::math::{QUANTILES, Quantile, normal_quantile};

/// No answer takes longer than that, in milliseconds: a day.
const LONGEST: f64 = 86_400_000.0;

/// Below that, in milliseconds, latencies in whole milliseconds are mostly rounding.
const COARSE: f64 = 10.0;

/// A percentile is used when so many requests of the smaller arm lie beyond it, on average.
pub(super) const BEYOND: f64 = 2.0;

/// The same where it is the only one that is told, and the slope of the curve there, which nothing shows then: that of a service whose
/// slowest hundredth takes ten times as long as its median.
const ALONE_BEYOND: f64 = 5.0;
const ALONE_SLOPE: f64 = 1.0;

/// The least slope of the curve of `ln x` over the normal quantile: a flatter one is an artefact of the clock's resolution.
const LEAST_SLOPE: f64 = 0.05;

/// How many times as steep a stretch beside a percentile must be as the curve around it, to count instead: a smooth curve bends less.
const BENT: f64 = 1.3;

/// A difference between green and blue in one window: `ln(green / blue)`, and its variance by chance of sampling alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Gap {
    pub(super) difference: f64,
    pub(super) variance: f64,
    /// How far cutover's own requests may have moved the difference. It is taken off already, or added.
    pub(super) doubt: f64,
    /// Green's and blue's value, in milliseconds, and which percentile that is.
    pub(super) green: f64,
    pub(super) blue: f64,
    pub(super) q: f64,
    /// How many requests of the smaller arm lie beyond it, on average.
    pub(super) beyond: f64,
    /// How many requests of one arm, if the other had any number of them, would tell as much.
    pub(super) weight: f64,
}

impl Gap {
    /// Whether it takes more windows than this one to say something.
    pub(super) fn is_of_few(self) -> bool {
        self.beyond < BEYOND
    }
}

/// What can be said of a window's latencies.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Gaps {
    /// All requests: the best single shift of the whole curve.
    pub(super) whole: Option<Gap>,
    /// The slowest tenth or twentieth.
    pub(super) tail: Option<Gap>,
    /// The slowest hundredth.
    pub(super) extreme: Option<Gap>,
}

impl Gaps {
    /// All three, in that order.
    pub(super) fn each(self) -> [Option<Gap>; 3] {
        [self.whole, self.tail, self.extreme]
    }

    /// Whether this window alone says something.
    pub(super) fn tell(self) -> bool {
        self.each().into_iter().flatten().any(|gap| !gap.is_of_few())
    }
}

/// For whom the doubt counts that cutover's own requests leave.
#[derive(Clone, Copy)]
enum Doubt {
    ForGreen,
    AgainstGreen,
}

/// Percentiles of one arm in milliseconds, as in [`QUANTILES`], with the number of requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Curve {
    /// Users' requests.
    pub(super) n: f64,
    /// cutover's own, as a part of all that the percentiles are of.
    pub(super) own: f64,
    pub(super) points: [Option<f64>; 5],
}

/// One usable percentile of both arms.
#[derive(Clone, Copy)]
struct Point {
    quantile: Quantile,
    /// Green's and blue's value, in milliseconds, and their logarithms.
    values: (f64, f64),
    green: f64,
    blue: f64,
    /// Of the curve of both together.
    slope: f64,
    /// How far cutover's own requests may have moved green and blue apart, or together, on the normal scale.
    moved: f64,
    /// How far they may lie apart because one is of fewer requests, on the normal scale.
    apart: f64,
    /// How many requests of the smaller arm lie beyond it, on average.
    beyond: f64,
}

/// Compares two curves. Green may be slower by `absolute_ms` milliseconds everywhere, and by what cutover's own requests may have made
/// of it: what is left speaks against green.
pub(super) fn compare(green: Curve, blue: Curve, absolute_ms: f64) -> Gaps {
    compare_with(green, blue, absolute_ms, Doubt::ForGreen)
}

/// The same to speak for green: what cutover's own requests may hide is held against it. A percentile of which nobody can say how much
/// they hide is left out.
pub(super) fn compare_strictly(green: Curve, blue: Curve, absolute_ms: f64) -> Gaps {
    compare_with(green, blue, absolute_ms, Doubt::AgainstGreen)
}

fn compare_with(green: Curve, blue: Curve, absolute_ms: f64, doubt: Doubt) -> Gaps {
    // Those with enough requests beyond them come first, because these are fewer the higher the percentile is.
    let mut points = [None; 5];
    let (mut found, mut all) = (0, 0);
    for (at, quantile) in QUANTILES.into_iter().enumerate() {
        let (Some(one), Some(other)) = (green.points[at].filter(can_be), blue.points[at].filter(can_be)) else {
            continue;
        };
        let Some(moved) = moved(green, blue, quantile, doubt) else {
            continue;
        };
        let beyond = green.n.min(blue.n) * (1.0 - quantile.q);
        let is_of_few = beyond < BEYOND;
        points[all] = Some(Point {
            quantile,
            values: (one, other),
            green: forgiven(unrounded(one, other), other, absolute_ms).ln(),
            blue: other.ln(),
            slope: LEAST_SLOPE,
            moved,
            apart: if is_of_few {
                apart(green.n, blue.n, quantile, doubt)
            } else {
                0.0
            },
            beyond,
        });
        all += 1;
        if !is_of_few {
            found = all;
        }
    }
    let falls = |pair: &[Option<Point>]| match pair {
        [Some(one), Some(next)] => next.values.0 < one.values.0 || next.values.1 < one.values.1,
        _ => false,
    };
    // One point has no slope, and so no variance, unless it is the only one that is told. Percentiles that fall are none.
    let told = |nth: usize| green.points[nth].and(blue.points[nth]).is_some();
    let is_alone = (0..QUANTILES.len()).filter(|nth| told(*nth)).count() == 1;
    if let Some(point) = points[0].as_mut().filter(|_| found == 1 && all == 1) {
        if !is_alone || green.n.min(blue.n) * (1.0 - point.quantile.q) < ALONE_BEYOND {
            return Gaps::default();
        }
        point.slope = ALONE_SLOPE;
    }
    if found == 0 || points[..all].windows(2).any(falls) {
        return Gaps::default();
    }
    let scale = 1.0 / green.n + 1.0 / blue.n;
    let together = |point: &Point| (green.n * point.green + blue.n * point.blue) / (green.n + blue.n);
    // The first one with few beyond it is better than none.
    let end = found.max(all.min(2));
    for at in (0..found).filter(|_| all > 1) {
        let before = points[at.saturating_sub(1)];
        let after = points[(at + 1).min(end - 1)];
        if let (Some(before), Some(after), Some(point)) = (before, after, points[at].as_mut()) {
            let rise = together(&after) - together(&before);
            point.slope = (rise / (after.quantile.z - before.quantile.z)).max(LEAST_SLOPE);
        }
    }
    // One with few beyond it says nothing of the slopes of the others.
    if let Some(last) = points[found - 1] {
        for point in points[found..all].iter_mut().flatten() {
            let rise = together(point) - together(&last);
            point.slope = (rise / (point.quantile.z - last.quantile.z)).max(LEAST_SLOPE);
        }
    }
    let as_told = points;
    for (at, point) in points[..all].iter_mut().enumerate() {
        let steepest = steepest(&as_told[..all], at);
        if let Some(point) = point {
            if steepest > point.slope * BENT {
                point.slope = steepest;
            }
            point.moved = (point.moved * point.slope + further(&as_told[..all], point, doubt)) / point.slope;
            let moved = point.moved * point.slope;
            point.green += match doubt {
                // It does not become better than blue by that.
                Doubt::ForGreen => -moved.min((point.green - point.blue).max(0.0)),
                Doubt::AgainstGreen => moved,
            };
        }
    }
    let gap = |point: &Point| {
        let Quantile { q, density, .. } = point.quantile;
        Gap {
            difference: point.green - point.blue,
            variance: q * (1.0 - q) * scale * (point.slope / density).powi(2),
            doubt: point.moved * point.slope,
            green: point.values.0,
            blue: point.values.1,
            q,
            beyond: point.beyond,
            weight: 1.0 / scale,
        }
    };
    let (known, few) = points[..all].split_at(found);
    let among = |points: &[Option<Point>], q: f64| points.iter().flatten().find(|point| point.quantile.q == q).map(gap);
    let at = |q: f64| among(known, q);
    // The slowest alone are not the whole curve.
    let is_whole = found > 1 || at(0.5).or_else(|| at(0.75)).is_some();
    Gaps {
        whole: if is_whole { whole(known, scale) } else { None },
        tail: [(known, 0.95), (known, 0.9), (few, 0.9), (few, 0.95)]
            .into_iter()
            .find_map(|(points, q)| among(points, q)),
        extreme: at(0.99).or_else(|| among(few, 0.99)),
    }
}

/// The steeper of the two stretches of blue's curve that meet at a percentile. Where one of them leads from one kind of request to
/// another, such as from hits of a cache to misses, the percentile may lie at either end of it by chance.
fn steepest(points: &[Option<Point>], at: usize) -> f64 {
    let slope = |pair: &[Option<Point>]| match pair {
        [Some(one), Some(next)] => (next.blue - one.blue) / (next.quantile.z - one.quantile.z),
        _ => 0.0,
    };
    let around = &points[at.saturating_sub(1)..(at + 2).min(points.len())];
    around.windows(2).map(slope).fold(0.0, f64::max)
}

/// How far a percentile of few may have been moved by being of more requests than the other arm's. For green it is read off its own
/// curve as well, which may jump there.
fn further(points: &[Option<Point>], point: &Point, doubt: Doubt) -> f64 {
    let straight = point.apart * point.slope;
    if point.apart == 0.0 || matches!(doubt, Doubt::AgainstGreen) {
        return straight;
    }
    let z = point.quantile.z - point.apart;
    let on = |pair: &[Option<Point>]| match pair {
        [Some(one), Some(next)] if next.quantile.z >= z => {
            let part = ((z - one.quantile.z) / (next.quantile.z - one.quantile.z)).max(0.0);
            Some(one.green + part * (next.green - one.green))
        }
        _ => None,
    };
    let lower = points.windows(2).find_map(on).unwrap_or(point.green);
    straight.max(point.green - lower)
}

/// Whether there are users enough in both for a single percentile to say something of them.
pub(super) fn tell(green: Curve, blue: Curve) -> bool {
    green.n.min(blue.n) * (1.0 - QUANTILES[0].q) >= BEYOND
        && moved(green, blue, QUANTILES[0], Doubt::ForGreen).is_some()
}

/// How far cutover's own requests may have moved a percentile of green up and of blue down, or the other way round if the doubt counts
/// against green, on the normal scale; `None` where it says nothing of users. Nobody knows where among all latencies those of cutover's
/// own requests lie: a check may be far quicker than what users ask for, or slower.
fn moved(green: Curve, blue: Curve, Quantile { q, z, .. }: Quantile, doubt: Doubt) -> Option<f64> {
    // Of a percentile of all, what percentile of users' it is at most, if all of cutover's own are slower, and at least.
    let (slower, quicker) = match doubt {
        Doubt::ForGreen => (green.own, blue.own),
        Doubt::AgainstGreen => (blue.own, green.own),
    };
    let up = q / (1.0 - slower);
    let down = (q - quicker) / (1.0 - quicker);
    if up >= 1.0 || down <= 0.0 {
        return None;
    }
    let far = |from: f64| {
        if from == q {
            0.0
        } else {
            (normal_quantile(from) - z).abs()
        }
    };
    Some(far(up) + far(down))
}

/// How far a percentile of few requests may lie higher in green, or lower if the doubt counts against it, because its requests are more,
/// or fewer, than blue's, on the normal scale: the slowest of ten is not as slow as the slowest tenth of many. Services differ in how they
/// take a percentile of few: the two ways that are farthest apart are the next request above it, and between the two beside it (Hyndman
/// and Fan, "Sample Quantiles in Statistical Packages", 1996, definitions 1 and 7). Where a rank lies on the normal scale: Blom,
/// "Statistical Estimates and Transformed Beta-Variables", 1958.
fn apart(green: f64, blue: f64, Quantile { q, .. }: Quantile, doubt: Doubt) -> f64 {
    let (one, other) = match doubt {
        Doubt::ForGreen => (green, blue),
        Doubt::AgainstGreen => (blue, green),
    };
    if one <= other {
        return 0.0;
    }
    // A fraction of a request is left where cutover's own are taken off.
    let (one, other) = (one.max(1.0), other.max(1.0));
    let place = |n: f64, rank: f64| normal_quantile((rank.clamp(1.0, n) - 0.375) / (n + 0.25));
    // The next request above is half a rank higher on average.
    let next = |n: f64| place(n, q * n + 0.5);
    let between = |n: f64| place(n, q * (n - 1.0) + 1.0);
    (next(one) - next(other)).max(between(one) - between(other)).max(0.0)
}

/// How far the slowest hundredth of users' latencies lies above what is promised at least, if there are users enough to say so: of all
/// latencies that percentile is taken which is none above it, however slow cutover's own requests are.
pub(super) fn above_promised(green: Curve, promised_ms: f64) -> Option<Gap> {
    let mut told = Curve { own: 0.0, ..green };
    for (point, quantile) in told.points.iter_mut().zip(QUANTILES) {
        *point = point.filter(|_| quantile.q <= 0.99 * (1.0 - green.own));
    }
    let gaps = compare(told, Curve { n: LONGEST, ..told }, 0.0);
    let itself = [gaps.extreme, gaps.tail]
        .into_iter()
        .flatten()
        .find(|gap| !gap.is_of_few())?;
    Some(Gap {
        difference: (itself.green / promised_ms).ln(),
        ..itself
    })
}

/// Whether that can be a latency.
pub(super) fn can_be(value: &f64) -> bool {
    *value > 0.0 && *value <= LONGEST
}

/// Green's latency if all that rounding may have added to the difference is taken off again: of one and two milliseconds, both may
/// be one and a half.
fn unrounded(green: f64, blue: f64) -> f64 {
    let is_coarse = green.fract() == 0.0 && blue.fract() == 0.0 && blue < COARSE;
    if is_coarse && green > blue {
        blue.max((green - 0.5) * blue / (blue + 0.5))
    } else {
        green
    }
}

/// Green's latency less what it may be longer. It does not become better than blue's by that.
fn forgiven(green: f64, blue: f64, absolute_ms: f64) -> f64 {
    if green > blue {
        blue.max(green - absolute_ms)
    } else {
        green
    }
}

/// The shift of the whole curve that fits best, from percentiles whose errors hang together as those of one sample do: those are
/// a Brownian bridge, whose increments are independent (Ogawa, "Contributions to the theory of systematic statistics", 1951).
fn whole(points: &[Option<Point>], scale: f64) -> Option<Gap> {
    let (difference, information) = fitted(points, |point| point.green - point.blue);
    let (doubt, _) = fitted(points, |point| point.moved * point.slope);
    // Told is the percentile that has most to say of it.
    let says = |point: &&Point| point.quantile.density / point.slope * (point.green - point.blue).abs();
    let first = points
        .iter()
        .flatten()
        .max_by(|one, other| says(one).total_cmp(&says(other)))?;
    (information > 0.0).then_some(Gap {
        difference,
        variance: scale / information,
        doubt,
        green: first.values.0,
        blue: first.values.1,
        q: first.quantile.q,
        beyond: first.beyond,
        weight: 1.0 / scale,
    })
}

/// The shift that fits best, if each percentile is shifted by so much, and how much is known of it.
fn fitted(points: &[Option<Point>], shift: impl Fn(&Point) -> f64) -> (f64, f64) {
    let (mut sum, mut information, mut q, mut height, mut fitted) = (0.0, 0.0, 0.0, 0.0, 0.0);
    let mut increment = |next_q: f64, next_height: f64, next_fitted: f64, q: &mut f64| {
        let width = next_q - *q;
        sum += (next_height - height) * (next_fitted - fitted) / width;
        information += (next_height - height).powi(2) / width;
        (*q, height, fitted) = (next_q, next_height, next_fitted);
    };
    for point in points.iter().flatten() {
        let height = point.quantile.density / point.slope;
        increment(point.quantile.q, height, height * shift(point), &mut q);
    }
    increment(1.0, 0.0, 0.0, &mut q);
    (sum / information, information)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn curve(n: f64, p50: f64, p90: f64, p99: f64) -> Curve {
        Curve {
            n,
            own: 0.0,
            points: [Some(p50), None, Some(p90), None, Some(p99)],
        }
    }

    #[test]
    fn gaps_have_the_reference_values() {
        let (green, blue) = (curve(250.0, 90.0, 220.0, 460.0), curve(4750.0, 80.0, 196.0, 408.0));
        let gaps = compare(green, blue, 0.0);
        let (tail, extreme) = (gaps.tail.unwrap(), gaps.extreme.unwrap());
        for (value, expected) in [
            (tail.difference, 0.115_512_887),
            (tail.variance, 0.006_035_483),
            (extreme.difference, 0.119_959_315),
            (extreme.variance, 0.028_913_195),
        ] {
            assert!((value - expected).abs() < 1e-8, "{value} {expected}");
        }
        // All percentiles together know more than each alone.
        let whole = gaps.whole.unwrap();
        assert!((whole.difference - 0.117).abs() < 0.002, "{whole:?}");
        assert!(whole.variance < 0.003_232_774 && whole.variance > 0.002, "{whole:?}");
    }

    #[test]
    fn what_cannot_be_compared_is_not() {
        let blue = curve(4750.0, 80.0, 196.0, 408.0);
        // Too few requests lie beyond a percentile.
        let tail = |n: f64| compare(curve(n, 90.0, 220.0, 460.0), blue, 0.0).tail;
        assert!(tail(19.0).is_some_and(Gap::is_of_few));
        assert!(tail(21.0).is_some_and(|gap| !gap.is_of_few()));
        let extreme = |n: f64| compare(curve(n, 90.0, 220.0, 460.0), blue, 0.0).extreme;
        assert!(extreme(199.0).is_some_and(Gap::is_of_few));
        assert!(extreme(200.0).is_some_and(|gap| !gap.is_of_few()));
        // Percentiles must not fall, and no request takes days.
        assert_eq!(compare(curve(250.0, 90.0, 70.0, 460.0), blue, 0.0), Gaps::default());
        assert_eq!(compare(curve(250.0, 9e7, 9.1e7, 9.2e7), blue, 0.0), Gaps::default());
        // Less than one request of users is left where cutover's own are taken off.
        for n in [0.0, 0.3, 1.0] {
            let few = curve(n, 90.0, 220.0, 460.0);
            for (green, blue) in [(few, blue), (blue, few)] {
                assert_eq!(compare(green, blue, 0.0), Gaps::default());
                assert_eq!(compare_strictly(green, blue, 0.0), Gaps::default());
            }
        }
        // One that is left over has the slope to the first one with few beyond it, or none.
        assert!(compare(curve(19.0, 90.0, 220.0, 460.0), blue, 0.0).whole.is_some());
        let fewer = Curve {
            points: [Some(90.0), None, None, None, None],
            ..curve(9.0, 90.0, 220.0, 460.0)
        };
        assert_eq!(compare(fewer, blue, 0.0), Gaps::default());
    }

    #[test]
    fn a_percentile_that_is_the_only_one_is_compared_with_a_usual_slope() {
        let alone = |n: f64, nth: usize, value: f64| {
            let mut points = [None; 5];
            points[nth] = Some(value);
            Curve { n, own: 0.0, points }
        };
        let gaps = compare(alone(1250.0, 4, 800.0), alone(3750.0, 4, 400.0), 0.0);
        let gap = gaps.extreme.unwrap();
        assert!(
            (gap.difference - 2.0_f64.ln()).abs() < 1e-12 && (0.1..0.15).contains(&gap.variance.sqrt()),
            "{gap:?}"
        );
        assert_eq!((gaps.whole, gaps.tail), (None, None), "the slowest are not all");
        let gaps = compare(alone(1250.0, 0, 120.0), alone(3750.0, 0, 80.0), 0.0);
        assert!(gaps.whole.is_some() && gaps.tail.is_none());
        assert_eq!(
            compare(alone(499.0, 4, 800.0), alone(3750.0, 4, 400.0), 0.0),
            Gaps::default()
        );
        let promised = above_promised(alone(1250.0, 4, 800.0), 600.0).unwrap();
        assert!((promised.difference - (800.0_f64 / 600.0).ln()).abs() < 1e-12);
    }

    #[test]
    fn rounding_is_no_regression() {
        let gaps = compare(curve(2500.0, 2.0, 3.0, 5.0), curve(2500.0, 1.0, 2.0, 4.0), 0.0);
        assert_eq!(gaps.whole.unwrap().difference, 0.0);
        assert_eq!(gaps.extreme.unwrap().difference, 0.0);
        let gaps = compare(curve(2500.0, 8.0, 12.0, 20.0), curve(2500.0, 2.0, 3.0, 5.0), 0.0);
        assert!((gaps.extreme.unwrap().difference - (19.5_f64 / 5.5).ln()).abs() < 1e-12);
        assert!(gaps.whole.unwrap().difference > 0.8);
    }

    #[test]
    fn what_nobody_notices_is_no_regression() {
        let (slow, blue) = (curve(2500.0, 6.5, 12.5, 30.5), curve(2500.0, 2.25, 5.5, 11.25));
        let gaps = compare(slow, blue, 5.0);
        // The median is within five milliseconds, the slowest hundredth is not.
        assert!((gaps.extreme.unwrap().difference - (25.5_f64 / 11.25).ln()).abs() < 1e-12);
        assert!((gaps.tail.unwrap().difference - (7.5_f64 / 5.5).ln()).abs() < 1e-12);
        assert_eq!(gaps.extreme.unwrap().green, 30.5, "people are told what was measured");
        let gaps = compare(slow, blue, 20.0);
        assert_eq!(
            (gaps.whole.unwrap().difference, gaps.extreme.unwrap().difference),
            (0.0, 0.0)
        );
        // A quicker green stays quicker.
        let gaps = compare(blue, slow, 20.0);
        assert!((gaps.extreme.unwrap().difference - (11.25_f64 / 30.5).ln()).abs() < 1e-12);
    }
}
